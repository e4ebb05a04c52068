-- put_schedule: create a schedule or replace all of its settings; its creation time and pause stay.
-- KEYS  1 schedule (HASH)   2 schedule_ids (SET)   3 ticks (ZSET)
-- ARGV  1 tick member (user:schedule id)   2 schedule id   3 now_ms   4 next tick in ms or '' = never
--       5 most schedules   6 cron   7 spec (JSON)   8 body
-- Returns  'written' | 'schedules_full'
-- Refuses when a new schedule would exceed the maximum.
-- uses: alarm, tick
if redis.call('EXISTS', KEYS[1]) == 0 and redis.call('SCARD', KEYS[2]) >= tonumber(ARGV[5]) then
  return 'schedules_full'
end
redis.call('HSETNX', KEYS[1], 'created_ms', ARGV[3])
redis.call('HSETNX', KEYS[1], 'paused', 0)
-- A version begins with the time, so that a schedule made anew is not taken for the one a tick has read.
redis.call('HSETNX', KEYS[1], 'version', ARGV[3])
redis.call('HSET', KEYS[1], 'cron', ARGV[6], 'spec', ARGV[7], 'body', ARGV[8])
redis.call('HINCRBY', KEYS[1], 'version', 1)
redis.call('HDEL', KEYS[1], 'error')
redis.call('SADD', KEYS[2], ARGV[2])
tick_at(ARGV[1], ARGV[4])
return 'written'
