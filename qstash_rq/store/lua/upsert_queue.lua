-- upsert_queue: create a queue or change its gate.
-- KEYS  1 lane (HASH)   2 queue_names (SET)
-- ARGV  1 lane   2 name   3 now_ms   4 parallelism or ''   5 paused: '1', '0' or '' = keep   6 max_queues
--       7 '1' = only when it exists   8 address of the caller or ''
-- Returns  'written' | 'gone' | 'queues_full'
-- Refuses when the queue must exist and does not, or a new one would exceed max_queues.
-- uses: line, pause
local exists = redis.call('EXISTS', KEYS[1]) == 1
if not exists and ARGV[7] == '1' then return 'gone' end
if not exists and redis.call('SCARD', KEYS[2]) >= tonumber(ARGV[6]) then return 'queues_full' end

if not exists then
  redis.call('HSET', KEYS[1], 'parallelism', 1, 'paused', 0, 'created_ms', ARGV[3])
  redis.call('SADD', KEYS[2], ARGV[2])
  redis.call('SADD', K.queues, K.queue .. ARGV[1])
end
redis.call('HSET', KEYS[1], 'updated_ms', ARGV[3])
if ARGV[4] ~= '' then redis.call('HSET', KEYS[1], 'parallelism', ARGV[4]) end
if ARGV[5] ~= '' then
  local was = redis.call('HGET', KEYS[1], 'paused')
  redis.call('HSET', KEYS[1], 'paused', ARGV[5])
  note_pause(KEYS[1], was, ARGV[3], ARGV[8])
end
if redis.call('EXISTS', K.queue .. ARGV[1]) == 1 then lane_wake(ARGV[1]) end
return 'written'
