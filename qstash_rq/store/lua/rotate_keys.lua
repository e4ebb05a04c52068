-- rotate_keys: the next signing key becomes the current one and a new next one takes its place.
-- KEYS  1 user (HASH)
-- ARGV  1 new next key
-- Returns  {current, next} | {}
-- Refuses when the user does not exist: {}.
local next_key = redis.call('HGET', KEYS[1], 'next')
if not next_key then return {} end
redis.call('HSET', KEYS[1], 'current', next_key, 'next', ARGV[1])
return { next_key, ARGV[1] }
