-- wake_at(lane, at_ms): put a lane on the ring when its gate opens by itself; rings the alarm when
-- that is the first to come.
local function wake_at(lane, at_ms)
  redis.call('ZADD', K.wakes, at_ms, lane)
  if redis.call('ZRANGE', K.wakes, 0, 0)[1] == lane and redis.call('LLEN', K.alarm) == 0 then
    redis.call('RPUSH', K.alarm, '1')
    redis.call('PEXPIRE', K.alarm, 60000)
  end
end
