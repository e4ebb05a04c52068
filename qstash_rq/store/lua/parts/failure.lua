-- settle_failure(message, outcome, times): write a failed attempt; returns retry, failed or canceled.
-- message: as read_message returns it; outcome: as read by settle.
local function settle_failure(message, outcome, times)
  local id, now_ms = outcome.id, times.now_ms
  local canceled = message.cancel == '1'
  local next_ms = outcome.word == 'retry' and not canceled and outcome.due_ms or ''
  local function log(...) return ' ' .. log_append(message.user, now_ms, id, ...) end
  local trail = message.trail .. log('ERROR', 'd', outcome.response, 'b', outcome.body, 'n', next_ms)
  if canceled then
    finish(message, 'canceled', 'canceled', times, trail .. log('CANCELED'))
    return 'canceled'
  elseif outcome.word == 'retry' then
    redis.call('HSET', K.job .. id, 'state', 'due', 'status', 'scheduled', 'trail', trail .. log('RETRY', 'n', next_ms),
      'retried', (tonumber(message.retried) or 0) + 1, 'not_before_ms', outcome.due_ms)
    redis.call('HDEL', K.job .. id, 'deaths', 'suspect')
    due_add(id, outcome.due_ms)
    store_callbacks(message, now_ms, outcome.callbacks)
    return 'retry'
  end
  trail = trail .. log('FAILED', 'd', outcome.response)
  local expires_s = math.ceil((tonumber(now_ms) + tonumber(times.dead_keep_ms)) / 1000)
  local dlq_id = bury(id, message, now_ms, expires_s, outcome.response, outcome.body)
  store_callbacks(message, now_ms, outcome.callbacks, outcome.placeholder, dlq_id)
  local kept = { now_ms = now_ms, now_iso = times.now_iso, keep_ms = times.dead_keep_ms, ended = times.ended }
  finish(message, 'failed', 'failed', kept, trail)
  return 'failed'
end
