-- holders(slots, most): some of the messages that hold slots, each with what became of it.
local function holders(slots, most)
  local found = {}
  for i, id in ipairs(redis.call('SRANDMEMBER', slots, most)) do
    found[i] = fields(K.job .. id, 'state', 'started_at', 'worker_name', 'ended_ms', 'lingers')
    found[i].id, found[i].due_ms = id, redis.call('ZSCORE', K.due, id) or nil
    if found[i].lingers then found[i].callbacks = redis.call('SRANDMEMBER', K.callbacks .. id, most) end
  end
  return found
end
