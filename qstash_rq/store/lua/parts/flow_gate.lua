-- flow_room(gate, now_ms): how many deliveries of a flow-control key may start now; when that is 0 and only the end of a
-- rate window can change it, also when.
-- flow_take(gate, rows, now_ms): count deliveries that start, and put their rate window into their rows, see window_count.
local function flow_room(gate, now_ms)
  local parallelism, rate, period_ms, window_ms, arrived_ms, count, paused = unpack(redis.call('HMGET', K.flow .. gate,
    'parallelism', 'rate', 'period_ms', 'window_ms', 'arrived_ms', 'count', 'paused'))
  if paused == '1' then return 0 end
  parallelism, rate = tonumber(parallelism) or 0, tonumber(rate) or 0
  local free = parallelism > 0 and parallelism - redis.call('SCARD', K.slots .. gate) or math.huge
  if free <= 0 then return 0 end
  local window = { rate = rate, period_ms = period_ms, window_ms = window_ms, arrived_ms = arrived_ms, count = count }
  local room, ends_ms = window_room(gate, window, tonumber(now_ms))
  return math.min(free, room), ends_ms
end

local function flow_take(gate, rows, now_ms)
  local ids = {}
  for i, row in ipairs(rows) do ids[i] = row[1] end
  redis.call('SADD', K.slots .. gate, unpack(ids))
  local window = window_count(gate, tonumber(now_ms), #rows)
  for _, row in ipairs(rows) do row[7] = window or '' end
end
