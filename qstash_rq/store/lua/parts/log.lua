-- log_append(user, now_ms, message_id, state, ...): add one entry to a user's log; returns its id.
-- More field-value pairs may follow. The id carries now_ms; where the stream is already past it
-- (the clocks of two machines differ) the entry takes the stream's last millisecond instead, so
-- that ids only grow.
local function log_append(user, now_ms, message_id, state, ...)
  local key = K.log .. user
  local id = redis.pcall('XADD', key, now_ms .. '-*', 'm', message_id, 's', state, ...)
  if type(id) == 'table' then
    local info = redis.call('XINFO', 'STREAM', key)
    local last_ms = now_ms
    for i = 1, #info, 2 do
      if info[i] == 'last-generated-id' then last_ms = string.match(info[i + 1], '^%d+') end
    end
    id = redis.call('XADD', key, last_ms .. '-*', 'm', message_id, 's', state, ...)
  end
  return id
end
