-- settle: write what became of attempts: delivered, due again, or a dead letter.
-- KEYS  1 leases (ZSET)
-- ARGV  1 worker   2 now_ms   3 now as RQ writes it   4 keep_ms of the record   5 keep_ms of a dead letter
--       then for each attempt: id, attempt, outcome (delivered | retry | failed), due_ms, response (JSON), body
-- Returns  a word for each attempt: delivered | retry | failed | canceled | superseded
-- Refuses an attempt when the message is no longer active in that attempt: superseded, nothing written.
-- uses: log, line, due, finish, bury
local now_ms, now_iso, dead_keep_ms = ARGV[2], ARGV[3], tonumber(ARGV[5])
local times = { now_ms = now_ms, now_iso = now_iso, keep_ms = ARGV[4] }
local dead_times = { now_ms = now_ms, now_iso = now_iso, keep_ms = ARGV[5] }
local words, counts = {}, { delivered = 0, failed = 0 }

local function settle_failure(id, message, outcome, due_ms, response, body)
  local canceled = message.cancel == '1'
  local next_ms = outcome == 'retry' and not canceled and due_ms or ''
  local function log(...) return ' ' .. log_append(message.user, now_ms, id, ...) end
  local trail = message.trail .. log('ERROR', 'd', response, 'b', body, 'n', next_ms)
  if canceled then
    finish(id, message, 'canceled', 'canceled', times, trail .. log('CANCELED'))
    return 'canceled'
  elseif outcome == 'retry' then
    trail = trail .. log('RETRY', 'n', next_ms)
    redis.call('HSET', K.job .. id, 'state', 'due', 'status', 'scheduled', 'trail', trail,
      'retried', (tonumber(message.retried) or 0) + 1, 'not_before_ms', due_ms)
    due_add(id, due_ms)
    return 'retry'
  end
  finish(id, message, 'failed', 'failed', dead_times, trail .. log('FAILED', 'd', response))
  bury(id, message, now_ms, math.ceil((tonumber(now_ms) + dead_keep_ms) / 1000), response, body)
  return 'failed'
end

for i = 6, #ARGV, 6 do
  local id, attempt, outcome = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  -- read
  local state, current, user, lane, cancel, trail, retried = unpack(redis.call('HMGET', K.job .. id,
    'state', 'attempt', 'user', 'origin', 'cancel', 'trail', 'retried'))
  local message = { user = user, lane = lane, cancel = cancel, trail = trail, retried = retried }
  local word = 'superseded'
  if state == 'active' and current == attempt then
    -- write
    redis.call('ZREM', KEYS[1], id)
    if outcome == 'delivered' then
      word = 'delivered'
      local entry = log_append(user, now_ms, id, 'DELIVERED')
      finish(id, message, 'delivered', 'finished', times, trail .. ' ' .. entry)
    else
      word = settle_failure(id, message, outcome, ARGV[i + 3], ARGV[i + 4], ARGV[i + 5])
    end
    if counts[word] then counts[word] = counts[word] + 1 end
  end
  words[#words + 1] = word
end

local worker = K.worker .. ARGV[1]
if redis.call('EXISTS', worker) == 1 then
  redis.call('HINCRBY', worker, 'successful_job_count', counts.delivered)
  redis.call('HINCRBY', worker, 'failed_job_count', counts.failed)
end
return words
