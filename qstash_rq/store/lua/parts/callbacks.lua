-- store_callbacks(source, now_ms, callbacks, placeholder, dlq_id): accept the callbacks of an attempt of the
-- message `source`. Where a dead letter was made its id takes the placeholder's place in their bodies.
-- source: as read_message returns it. In a queue it waits for them, so their ids are kept.
local function with_dlq_id(body, placeholder, dlq_id)
  local from, to = string.find(body, placeholder, 1, true)
  if not from then return body end
  return string.sub(body, 1, from - 1) .. dlq_id .. string.sub(body, to + 1)
end

local function store_callbacks(source, now_ms, callbacks, placeholder, dlq_id)
  if #callbacks == 0 then return end
  local ids = {}
  for _, callback in ipairs(callbacks) do
    ids[#ids + 1] = callback.id
    if dlq_id and placeholder ~= '' then callback.body = with_dlq_id(callback.body, placeholder, dlq_id) end
  end
  store_all(source.user, now_ms, callbacks)
  if is_queue(source.lane) then redis.call('SADD', K.callbacks .. source.id, unpack(ids)) end
end
