-- flow_open(gate, now_ms): whether a delivery of a flow-control key may start now; if only the end of a rate window
-- can change that, also when.
-- flow_take(gate, id, now_ms): count a delivery that starts; returns its rate window, see window_count.
local function flow_open(gate, now_ms)
  local parallelism, rate, period_ms, window_ms, arrived_ms, count, paused = unpack(redis.call('HMGET', K.flow .. gate,
    'parallelism', 'rate', 'period_ms', 'window_ms', 'arrived_ms', 'count', 'paused'))
  if paused == '1' then return false end
  parallelism, rate = tonumber(parallelism) or 0, tonumber(rate) or 0
  if parallelism > 0 and redis.call('SCARD', K.slots .. gate) >= parallelism then return false end
  local window = { rate = rate, period_ms = period_ms, window_ms = window_ms, arrived_ms = arrived_ms, count = count }
  local ends_ms = window_shut(gate, window, tonumber(now_ms))
  return ends_ms == nil, ends_ms
end

local function flow_take(gate, id, now_ms)
  redis.call('SADD', K.slots .. gate, id)
  return window_count(gate, tonumber(now_ms))
end
