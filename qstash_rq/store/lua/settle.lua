-- settle: write what became of attempts: delivered, due again, or a dead letter; and their callbacks.
-- KEYS  1 leases (ZSET)
-- ARGV  1 worker   2 now_ms   3 now as RQ writes it   4 keep_ms of the record   5 keep_ms of a dead letter
--       then the outcome of each attempt, see outcome
-- Returns  a word for each attempt: delivered | retry | failed | canceled | superseded
-- Refuses an attempt when the message is no longer active in that attempt: superseded, nothing written.
-- uses: record, log, line, alarm, due, flow, flow_use, leaving, message, finish, bury, bulk, join, parse, store, outcome, callbacks, failure
local now_ms = ARGV[2]
local times = { now_ms = now_ms, now_iso = ARGV[3], keep_ms = ARGV[4], dead_keep_ms = ARGV[5], ended = {} }
local words, counts = {}, { delivered = 0, failed = 0 }
-- What each settled attempt changes in the same keys is written once, at the end: a call the less for each of them.
local settled, gates = {}, {}

local function settle_one(outcome)
  -- read
  local message = read_message(outcome.id)
  -- refuse
  if message.state ~= 'active' or message.attempt ~= outcome.attempt then return 'superseded' end
  -- write
  -- A server that is out of memory refuses a script whose first write may take some: this one takes none.
  if not settled[1] then redis.call('ZREM', KEYS[1], outcome.id) end
  settled[#settled + 1] = outcome.id
  if message.flow then note_release(gates, message) end
  local word = 'delivered'
  if outcome.word == 'delivered' then
    local entry = log_append(message.user, now_ms, outcome.id, 'DELIVERED')
    store_callbacks(message, now_ms, outcome.callbacks)
    finish(message, 'delivered', 'finished', times, message.trail .. ' ' .. entry)
  else
    word = settle_failure(message, outcome, times)
  end
  if message.flow and word ~= 'retry' then note_leave(gates, message) end
  return word
end

-- A record that somebody ruined must not keep what is settled before it from being written to the end.
local at, fine, word = 6, true, nil
while at <= #ARGV and fine do
  local outcome
  outcome, at = parse_outcome(at)
  fine, word = pcall(settle_one, outcome)
  if counts[word] then counts[word] = counts[word] + 1 end
  words[#words + 1] = word
end

bulk('ZREM', KEYS[1], settled)
for user, ids in pairs(times.ended) do bulk('ZREM', K.live .. user, ids) end
leave_gates(gates)
local worker = K.worker .. ARGV[1]
if redis.call('EXISTS', worker) == 1 then
  redis.call('HINCRBY', worker, 'successful_job_count', counts.delivered)
  redis.call('HINCRBY', worker, 'failed_job_count', counts.failed)
end
if not fine then error(word, 0) end
return words
