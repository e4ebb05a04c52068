-- due_add(id, at_ms): let a message wait for its time; rings the alarm when it is now the first.
local function due_add(id, at_ms)
  redis.call('ZADD', K.due, at_ms, id)
  if redis.call('ZRANGE', K.due, 0, 0)[1] == id and redis.call('LLEN', K.alarm) == 0 then
    redis.call('RPUSH', K.alarm, '1')
    redis.call('PEXPIRE', K.alarm, 60000)
  end
end
