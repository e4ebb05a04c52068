-- forget_tick: take a schedule that does not exist off the ticks; nothing of ours leaves one behind.
-- KEYS  1 schedule (HASH)   2 ticks (ZSET)
-- ARGV  1 tick member (user:schedule id)
-- Returns  nothing
-- Refuses a schedule that exists: it may have been made anew since it was looked for.
if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('ZREM', KEYS[2], ARGV[1]) end
