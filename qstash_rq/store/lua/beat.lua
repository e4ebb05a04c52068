-- beat: say that a scheduler lives; its record never stands there without a time to live.
-- KEYS  1 scheduler (HASH)   2 beat (STRING)
-- ARGV  1 now_ms   2 seconds the scheduler's record lives on   3 seconds the last beat of all is remembered
-- Returns  nothing
-- Refuses nothing.
redis.call('HSET', KEYS[1], 'beat_ms', ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
redis.call('SET', KEYS[2], ARGV[1], 'EX', ARGV[3])
