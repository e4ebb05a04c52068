-- alarm_ring(timers, member): wake the sleeping schedulers when `member` is now the first of `timers`.
-- One ring is enough for all, and none stays that nobody hears.
local function alarm_ring(timers, member)
  if redis.call('ZRANGE', timers, 0, 0)[1] == member and redis.call('LLEN', K.alarm) == 0 then
    redis.call('RPUSH', K.alarm, '1')
    redis.call('PEXPIRE', K.alarm, 60000)
  end
end
