-- close_queue: make a queue disappear; its messages are set aside for drain to cancel.
-- KEYS  1 lane (HASH)   2 queue_names (SET)   3 members (ZSET)   4 closing (ZSET)
-- ARGV  1 lane   2 name
-- Returns  nothing
-- Refuses nothing: a queue that does not exist is closed already.
redis.call('UNLINK', KEYS[1], K.queue .. ARGV[1], K.slots .. ARGV[1])
redis.call('SREM', KEYS[2], ARGV[2])
redis.call('SREM', K.queues, K.queue .. ARGV[1])
if redis.call('EXISTS', KEYS[3]) == 1 then
  -- A union copies every id: only when a queue of this name is deleted again while it is drained.
  if redis.call('EXISTS', KEYS[4]) == 1 then
    redis.call('ZUNIONSTORE', KEYS[3], 2, KEYS[3], KEYS[4])
  end
  redis.call('RENAME', KEYS[3], KEYS[4])
  redis.call('SADD', K.closings, ARGV[1])
end
