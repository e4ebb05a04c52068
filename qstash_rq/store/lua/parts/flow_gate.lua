-- flow_room(gate, now_ms): how many deliveries of a flow-control key may start now; its rate window, see window_room; and
-- when there are none and only the end of that window can change it, also when.
-- flow_take(gate, rows, now_ms, window): count deliveries that start, and put their rate window into their rows, see
-- window_count. window: as flow_room has just returned it, or nil.
-- Whether it is paused, its parallelism, 0 = none, and its rate window.
local function read_gate(gate)
  local paused, parallelism, rate, period_ms, window_ms, arrived_ms, count = unpack(redis.call('HMGET', K.flow .. gate,
    'paused', 'parallelism', 'rate', 'period_ms', 'window_ms', 'arrived_ms', 'count'))
  local window = { rate = tonumber(rate) or 0, period_ms = tonumber(period_ms) or 1000,
    window_ms = tonumber(window_ms) or 0, arrived_ms = tonumber(arrived_ms) or 0, count = tonumber(count) or 0 }
  return paused, tonumber(parallelism) or 0, window
end

local function flow_room(gate, now_ms)
  local paused, parallelism, window = read_gate(gate)
  if paused == '1' then return 0, window end
  local free = parallelism > 0 and parallelism - redis.call('SCARD', K.slots .. gate) or math.huge
  if free <= 0 then return 0, window end
  local room, ends_ms = window_room(gate, window, tonumber(now_ms))
  return math.min(free, room), window, ends_ms
end

local function flow_take(gate, rows, now_ms, window)
  local ids = {}
  for i, row in ipairs(rows) do ids[i] = row[1] end
  redis.call('SADD', K.slots .. gate, unpack(ids))
  local counted = window_count(gate, window or select(3, read_gate(gate)), tonumber(now_ms), #rows)
  for _, row in ipairs(rows) do row[7] = counted or '' end
end
