-- change_schedule: pause, resume or delete a schedule.
-- KEYS  1 schedule (HASH)   2 schedule_ids (SET)   3 ticks (ZSET)   4 tick_states (HASH)
-- ARGV  1 tick member (user:schedule id)   2 schedule id   3 pause | resume | delete
-- Returns  'written' | 'gone'
-- Refuses when the schedule does not exist.
if redis.call('EXISTS', KEYS[1]) == 0 then return 'gone' end
if ARGV[3] == 'delete' then
  redis.call('DEL', KEYS[1], KEYS[4])
  redis.call('SREM', KEYS[2], ARGV[2])
  redis.call('ZREM', KEYS[3], ARGV[1])
else
  redis.call('HSET', KEYS[1], 'paused', ARGV[3] == 'pause' and 1 or 0)
end
return 'written'
