-- accept: store items of one user, all or none. An item is what one publish makes: a message, or one
-- for each endpoint of a URL group.
-- KEYS  1 ring (LIST; routes the call in a Cluster)
-- ARGV  1 now_ms   2 max_queues   3 user   4 dedup window in ms   5 number of dead letters revived
--       then their DLQ ids; then for each item: dedup digest or '', its messages (see parse_all)
-- Returns  {'accepted', for each item '' or the ids of the first use of its dedup id} | {'gone', dlq_id} | {'queues_full'}
-- Refuses when a dead letter to revive is not there, or new queues would exceed max_queues.
-- A call sent again because its answer was lost finds its messages stored: accepted, nothing written.
-- uses: log, line, alarm, due, flow, flow_use, exhume, bulk, join, parse, store
local now_ms, max_queues, user, window_ms, revived = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], tonumber(ARGV[5])

-- read
local items, new_queues, new_count, first_use, again = {}, {}, 0, {}, false
local at = 6 + revived
while at <= #ARGV do
  local item = { digest = ARGV[at], ids = {} }
  item.messages, at = parse_all(at + 1)
  for i, message in ipairs(item.messages) do item.ids[i] = message.id end
  item.stored = redis.call('EXISTS', K.job .. item.ids[1]) == 1
  again = again or item.stored
  if item.digest ~= '' and not item.stored then
    -- The digest may be of an item before this one in the same call.
    item.seen = redis.call('GET', K.dedup .. user .. ':' .. item.digest) or first_use[item.digest]
    first_use[item.digest] = item.seen or table.concat(item.ids, ' ')
  end
  local lane = item.messages[1].lane
  item.fresh = not item.seen and not item.stored
  if item.fresh and is_queue(lane) and not new_queues[lane] and redis.call('EXISTS', K.lane .. lane) == 0 then
    new_queues[lane], new_count = true, new_count + 1
  end
  items[#items + 1] = item
end

-- refuse
for i = 6, again and 5 or 5 + revived do
  if not redis.call('XRANGE', K.dead .. user, ARGV[i], ARGV[i])[1] then return { 'gone', ARGV[i] } end
end
if new_count > 0 and redis.call('SCARD', K.queue_names .. user) + new_count > max_queues then
  return { 'queues_full' }
end

-- write
for i = 6, 5 + revived do exhume(user, ARGV[i]) end
local answer, messages = { 'accepted' }, {}
for _, item in ipairs(items) do
  if item.fresh then
    for _, message in ipairs(item.messages) do messages[#messages + 1] = message end
    if item.digest ~= '' then
      redis.call('SET', K.dedup .. user .. ':' .. item.digest, table.concat(item.ids, ' '), 'PX', window_ms)
    end
  end
  answer[#answer + 1] = item.seen or ''
end
store_all(user, now_ms, messages)
return answer
