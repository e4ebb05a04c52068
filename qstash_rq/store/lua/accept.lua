-- accept: store messages, all of them or none, each with its record, its place and its log entry.
-- KEYS  1 ring (LIST; routes the call in a Cluster)
-- ARGV  1 now_ms   2 max_queues   3 user   4 number of dead letters revived   then their DLQ ids;
--       then for each message: id, lane, due_ms (0 = at once), number of fields, field, value ...
-- Returns  {'accepted'} | {'gone', dlq_id} | {'queues_full'}
-- Refuses when a dead letter to revive is not there, or a new queue would exceed max_queues.
-- uses: log, line, due, exhume
local now_ms, max_queues, user, revived = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])

-- read
local messages, new_queues, new_count = {}, {}, 0
local at = 5 + revived
while at <= #ARGV do
  local fields = tonumber(ARGV[at + 3])
  local message = { id = ARGV[at], lane = ARGV[at + 1], due_ms = tonumber(ARGV[at + 2]) }
  message.record = { unpack(ARGV, at + 4, at + 3 + 2 * fields) }
  messages[#messages + 1] = message
  at = at + 4 + 2 * fields
  -- A call sent again because its answer was lost finds its messages stored.
  if redis.call('EXISTS', K.job .. message.id) == 1 then return { 'accepted' } end
  local lane = message.lane
  if lane ~= user and not new_queues[lane] and redis.call('EXISTS', K.lane .. lane) == 0 then
    new_queues[lane], new_count = true, new_count + 1
  end
end

-- refuse
for i = 5, 4 + revived do
  if not redis.call('XRANGE', K.dead .. user, ARGV[i], ARGV[i])[1] then return { 'gone', ARGV[i] } end
end
if new_count > 0 and redis.call('SCARD', K.queue_names .. user) + new_count > max_queues then
  return { 'queues_full' }
end

-- write
for i = 5, 4 + revived do exhume(user, ARGV[i]) end
for lane in pairs(new_queues) do
  redis.call('HSET', K.lane .. lane, 'parallelism', 1, 'paused', 0, 'created_ms', now_ms, 'updated_ms', now_ms)
  redis.call('SADD', K.queue_names .. user, string.sub(lane, #user + 2))
end
for _, message in ipairs(messages) do
  local id, lane, waits = message.id, message.lane, message.due_ms > tonumber(now_ms)
  local trail = log_append(user, now_ms, id, 'CREATED', 'n', waits and message.due_ms or '')
  redis.call('HSET', K.job .. id, 'user', user, 'origin', lane, 'trail', trail,
    'state', waits and 'due' or 'ready', 'status', waits and 'scheduled' or 'queued', unpack(message.record))
  redis.call('ZADD', K.live .. user, now_ms, id)
  if waits then
    if lane ~= user then redis.call('ZADD', K.members .. lane, DELAYED_PLACE, id) end
    due_add(id, message.due_ms)
  else
    line_join(lane, user, id)
  end
end
return { 'accepted' }
