-- tick: let a schedule tick once: store its messages and set its next tick, in one step.
-- KEYS  1 schedule (HASH)   2 tick_states (HASH)
-- ARGV  1 tick member (user:schedule id)   2 user   3 now_ms   4 version read   5 tick in ms as read   6 next tick in ms or ''
--       7 max_queues   8 error or ''   then its messages (see parse_all)
-- Returns  'ticked' | 'missed' | 'paused'
-- Refuses when the schedule changed, ticked or went since it was read: missed. A paused one only moves on.
-- uses: log, line, alarm, due, flow, flow_use, bulk, join, parse, store, tick
local member, user, now_ms = ARGV[1], ARGV[2], ARGV[3]
local version, next_ms, paused = unpack(redis.call('HMGET', KEYS[1], 'version', 'next_ms', 'paused'))
if version ~= ARGV[4] or next_ms ~= ARGV[5] then return 'missed' end

local messages = parse_all(9)
tick_at(member, ARGV[6])
if paused == '1' then return 'paused' end

local lane, problem = messages[1] and messages[1].lane, ARGV[8]
local is_new = lane and is_queue(lane) and redis.call('EXISTS', K.lane .. lane) == 0
if is_new and redis.call('SCARD', K.queue_names .. user) >= tonumber(ARGV[7]) then
  messages, problem = {}, 'queueName: the maximum number of queues is reached'
end
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[1], 'last_ms', ARGV[5], 'error', problem)
store_all(user, now_ms, messages)
for _, message in ipairs(messages) do
  redis.call('HSET', K.job .. message.id, 'schedule', member)
  redis.call('HSET', KEYS[2], message.id, 'IN_PROGRESS')
end
return 'ticked'
