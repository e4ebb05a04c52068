-- tick_at(member, next_ms): set when a schedule ticks next, '' = never; rings the alarm when it is first.
local function tick_at(member, next_ms)
  redis.call('HSET', K.schedule .. member, 'next_ms', next_ms)
  if next_ms == '' then
    redis.call('ZREM', K.ticks, member)
    return
  end
  redis.call('ZADD', K.ticks, next_ms, member)
  if redis.call('ZRANGE', K.ticks, 0, 0)[1] == member and redis.call('LLEN', K.alarm) == 0 then
    redis.call('RPUSH', K.alarm, '1')
    redis.call('PEXPIRE', K.alarm, 60000)
  end
end
