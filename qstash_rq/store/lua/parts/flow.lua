-- The gate of a flow-control key. A gate is named like the lane of its own messages: user:~key.
-- flow_open(gate, now_ms): whether a delivery may start now; if only the end of a rate window can
-- change that, also when.
-- flow_take(gate, id, now_ms): count a delivery that starts.
-- flow_wake(gate): the gate may have opened: its lane, which gives turns to all that wait, is woken.
-- flow_release(gate, id): the delivery is over.
-- Deliveries of two windows may arrive closer together than they were sent: the next window
-- starts this much late, so that the receiver never sees one too many in a period.
local WINDOW_MARGIN_MS = 20
local BELLS = 16 -- waiting lanes whose workers hear at once; the others ask every two seconds

local function flow_open(gate, now_ms)
  local parallelism, rate, period_ms, window_ms, count, paused = unpack(redis.call('HMGET', K.flow .. gate,
    'parallelism', 'rate', 'period_ms', 'window_ms', 'count', 'paused'))
  if paused == '1' then return false end
  parallelism, rate = tonumber(parallelism) or 0, tonumber(rate) or 0
  if parallelism > 0 and redis.call('SCARD', K.slots .. gate) >= parallelism then return false end
  local ends_ms = (tonumber(window_ms) or 0) + (tonumber(period_ms) or 1000) + WINDOW_MARGIN_MS
  if rate > 0 and (tonumber(count) or 0) >= rate and tonumber(now_ms) < ends_ms then return false, ends_ms end
  return true
end

local function flow_take(gate, id, now_ms)
  local period_ms, window_ms = unpack(redis.call('HMGET', K.flow .. gate, 'period_ms', 'window_ms'))
  redis.call('SADD', K.slots .. gate, id)
  local ends_ms = (tonumber(window_ms) or 0) + (tonumber(period_ms) or 1000) + WINDOW_MARGIN_MS
  if tonumber(now_ms) >= ends_ms then
    redis.call('HSET', K.flow .. gate, 'window_ms', now_ms, 'count', 1)
  else
    redis.call('HINCRBY', K.flow .. gate, 'count', 1)
  end
end

local function flow_wake(gate)
  local waiting = redis.call('ZRANGE', K.waiters .. gate, 0, BELLS - 1)
  if waiting[1] or redis.call('EXISTS', K.queue .. gate) == 1 then lane_wake(gate) end
  for _, lane in ipairs(waiting) do bell_ring(lane) end
end

local function flow_release(gate, id)
  if redis.call('SREM', K.slots .. gate, id) == 1 then flow_wake(gate) end
end
