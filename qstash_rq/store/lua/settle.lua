-- settle: write what became of attempts: delivered, due again, or a dead letter; and their callbacks.
-- KEYS  1 leases (ZSET)
-- ARGV  1 worker   2 now_ms   3 now as RQ writes it   4 keep_ms of the record   5 keep_ms of a dead letter
--       then for each attempt: id, attempt, outcome (delivered | retry | failed), due_ms, response (JSON), body,
--       text that stands for the DLQ id in callbacks, number of callbacks, callbacks (messages, see store)
-- Returns  a word for each attempt: delivered | retry | failed | canceled | superseded
-- Refuses an attempt when the message is no longer active in that attempt: superseded, nothing written.
-- uses: log, line, alarm, due, flow, flow_use, finish, bury, store, callbacks, failure
local now_ms = ARGV[2]
local times = { now_ms = now_ms, now_iso = ARGV[3], keep_ms = ARGV[4], dead_keep_ms = ARGV[5] }
local words, counts = {}, { delivered = 0, failed = 0 }

local function settle_one(outcome)
  -- read
  local id = outcome.id
  local state, attempt, user, lane, cancel, trail, retried, flow = unpack(redis.call('HMGET', K.job .. id,
    'state', 'attempt', 'user', 'origin', 'cancel', 'trail', 'retried', 'flow'))
  -- refuse
  if state ~= 'active' or attempt ~= outcome.attempt then return 'superseded' end
  -- write
  local message = { user = user, lane = lane, cancel = cancel, trail = trail, retried = retried }
  redis.call('ZREM', KEYS[1], id)
  if flow then flow_release(flow, id) end
  if outcome.word ~= 'delivered' then return settle_failure(message, outcome, times) end
  local entry = log_append(user, now_ms, id, 'DELIVERED')
  store_callbacks(message, now_ms, id, outcome.callbacks)
  finish(id, message, 'delivered', 'finished', times, trail .. ' ' .. entry)
  return 'delivered'
end

local at = 6
while at <= #ARGV do
  local outcome = { id = ARGV[at], attempt = ARGV[at + 1], word = ARGV[at + 2], due_ms = ARGV[at + 3],
    response = ARGV[at + 4], body = ARGV[at + 5], placeholder = ARGV[at + 6], callbacks = {} }
  local count = tonumber(ARGV[at + 7])
  at = at + 8
  for i = 1, count do outcome.callbacks[i], at = parse(at) end
  local word = settle_one(outcome)
  if counts[word] then counts[word] = counts[word] + 1 end
  words[#words + 1] = word
end

local worker = K.worker .. ARGV[1]
if redis.call('EXISTS', worker) == 1 then
  redis.call('HINCRBY', worker, 'successful_job_count', counts.delivered)
  redis.call('HINCRBY', worker, 'failed_job_count', counts.failed)
end
return words
