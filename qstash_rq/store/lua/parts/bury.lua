-- bury(id, message, now_ms, expires_s, response, body): make a dead letter of a message: an entry
-- in the user's dead letters and in RQ's registry of failed jobs. Returns the DLQ id.
-- message: {user =, lane =}.
local function bury(id, message, now_ms, expires_s, response, body)
  local dlq_id = stream_append(K.dead .. message.user, now_ms, 'm', id, 'l', message.lane)
  redis.call('HSET', K.job .. id, 'dlq_id', dlq_id, 'response', response, 'response_body', body)
  redis.call('ZADD', K.failed .. message.lane, expires_s, id)
  return dlq_id
end
