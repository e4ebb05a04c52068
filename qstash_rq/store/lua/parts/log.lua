-- stream_append(key, now_ms, field, value, ...): add one entry to a stream; returns its id.
-- The id carries now_ms; where the stream is already past it (the clocks of two machines differ)
-- the entry takes the stream's last millisecond instead, so that ids only grow.
-- log_append(user, now_ms, message_id, state, ...): add one entry to a user's log; returns its id.
-- More field-value pairs may follow.
local function stream_append(key, now_ms, ...)
  local id = redis.pcall('XADD', key, now_ms .. '-*', ...)
  if type(id) ~= 'table' then return id end
  if not string.find(id.err, 'equal or smaller', 1, true) then return error(id) end
  local info = redis.call('XINFO', 'STREAM', key)
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then now_ms = string.match(info[i + 1], '^%d+') end
  end
  return redis.call('XADD', key, now_ms .. '-*', ...)
end

local function log_append(user, now_ms, message_id, state, ...)
  return stream_append(K.log .. user, now_ms, 'm', message_id, 's', state, ...)
end
