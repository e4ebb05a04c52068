-- wake_at(gate, at_ms): wake a gate's lane when its rate window ends; rings the alarm when that is
-- the first to come.
local function wake_at(gate, at_ms)
  redis.call('ZADD', K.wakes, at_ms, gate)
  alarm_ring(K.wakes, gate)
end
