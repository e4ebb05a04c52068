-- forget_flow: forget the name of a flow-control key whose gate has expired.
-- KEYS  1 flow (HASH)   2 flow_keys (SET)
-- ARGV  1 gate   2 key
-- Returns  nothing
-- Refuses a key that is there: a message may have made it anew since it was looked for.
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('SREM', KEYS[2], ARGV[2])
  redis.call('SREM', K.queues, K.queue .. ARGV[1])
end
