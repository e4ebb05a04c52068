-- stream_append(key, now_ms, field, value, ...): add one entry to a stream; returns its id.
-- The id carries now_ms; where the stream is already past it (the clocks of two machines differ)
-- the entry takes the stream's last millisecond instead, so that ids only grow.
-- log_append(user, now_ms, message_id, state, ...): add one entry to a user's log; returns its id.
-- More field-value pairs may follow.
local past_ms = {} -- by key, of a stream that was found past now_ms: else each entry of a call would find that out

local function stream_append(key, now_ms, ...)
  local id = redis.pcall('XADD', key, (past_ms[key] or now_ms) .. '-*', ...)
  if type(id) ~= 'table' then return id end
  if not string.find(id.err, 'equal or smaller', 1, true) then return error(id) end
  local info = redis.call('XINFO', 'STREAM', key)
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then past_ms[key] = string.match(info[i + 1], '^%d+') end
  end
  return redis.call('XADD', key, past_ms[key] .. '-*', ...)
end

local function log_append(user, now_ms, message_id, state, ...)
  return stream_append(K.log .. user, now_ms, 'm', message_id, 's', state, ...)
end
