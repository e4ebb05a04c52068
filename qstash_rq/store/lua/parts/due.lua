-- due_add(id, at_ms): let a message wait for its time; rings the alarm when it is now the first.
local function due_add(id, at_ms)
  redis.call('ZADD', K.due, at_ms, id)
  alarm_ring(K.due, id)
end
