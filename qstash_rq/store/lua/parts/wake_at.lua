-- wake_at(gate, at_ms): wake a gate's lane when its rate window ends; rings the alarm when that is
-- the first to come.
local function wake_at(gate, at_ms)
  redis.call('ZADD', K.wakes, at_ms, gate)
  if redis.call('ZRANGE', K.wakes, 0, 0)[1] == gate and redis.call('LLEN', K.alarm) == 0 then
    redis.call('RPUSH', K.alarm, '1')
    redis.call('PEXPIRE', K.alarm, 60000)
  end
end
