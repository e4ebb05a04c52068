-- tick_at(member, next_ms): set when a schedule ticks next, '' = never; rings the alarm when it is first.
local function tick_at(member, next_ms)
  redis.call('HSET', K.schedule .. member, 'next_ms', next_ms)
  if next_ms == '' then
    redis.call('ZREM', K.ticks, member)
    return
  end
  redis.call('ZADD', K.ticks, next_ms, member)
  alarm_ring(K.ticks, member)
end
