-- close_queue: make a queue disappear; its messages are set aside for drain to cancel.
-- KEYS  1 lane (HASH)   2 queue_names (SET)   3 members (ZSET)   4 closing (ZSET)
-- ARGV  1 lane   2 name
-- Returns  nothing
-- Refuses nothing: a queue that does not exist is closed already.
redis.call('DEL', KEYS[1], K.queue .. ARGV[1], K.slots .. ARGV[1])
redis.call('SREM', KEYS[2], ARGV[2])
redis.call('SREM', K.queues, K.queue .. ARGV[1])
if redis.call('EXISTS', KEYS[3]) == 1 then
  redis.call('ZUNIONSTORE', KEYS[4], 2, KEYS[4], KEYS[3])
  redis.call('DEL', KEYS[3])
  redis.call('SADD', K.closings, ARGV[1])
end
