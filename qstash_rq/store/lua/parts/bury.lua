-- bury(id, message, now_ms, expires_s, response, body): make a dead letter of a message: an entry
-- in the user's dead letters and in RQ's registry of failed jobs. Returns the DLQ id.
local function bury(id, message, now_ms, expires_s, response, body)
  local dlq_id = redis.pcall('XADD', K.dead .. message.user, now_ms .. '-*', 'm', id)
  if type(dlq_id) == 'table' then
    dlq_id = redis.call('XADD', K.dead .. message.user, '*', 'm', id)
  end
  redis.call('HSET', K.job .. id, 'dlq_id', dlq_id, 'response', response, 'response_body', body)
  redis.call('ZADD', K.failed .. message.lane, expires_s, id)
  return dlq_id
end

-- exhume(user, dlq_id): take a dead letter out again; returns its message id, or nil.
local function exhume(user, dlq_id)
  local entry = redis.call('XRANGE', K.dead .. user, dlq_id, dlq_id)[1]
  if not entry then return nil end
  local id = entry[2][2]
  redis.call('XDEL', K.dead .. user, dlq_id)
  local lane = redis.call('HGET', K.job .. id, 'origin')
  if lane then
    redis.call('ZREM', K.failed .. lane, id)
    redis.call('HDEL', K.job .. id, 'dlq_id')
  end
  return id
end
