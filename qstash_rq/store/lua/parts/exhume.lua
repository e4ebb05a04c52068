-- exhume(user, dlq_id): take a dead letter out again; returns its message id, or nil. The entry
-- names its lane, because the record may have expired before it.
local function exhume(user, dlq_id)
  local entry = redis.call('XRANGE', K.dead .. user, dlq_id, dlq_id)[1]
  if not entry then return nil end
  local id, lane = entry[2][2], entry[2][4]
  redis.call('XDEL', K.dead .. user, dlq_id)
  redis.call('ZREM', K.failed .. lane, id)
  redis.call('HDEL', K.job .. id, 'dlq_id')
  return id
end
