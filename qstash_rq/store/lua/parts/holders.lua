-- holders(slots, user, most): some of the messages that hold slots, each with what became of it.
-- callbacks_of(user, source): ids of callbacks of a message that have not ended. They were logged right
-- after the outcome they tell of: looked for behind its last log records.
local LAST_ENTRIES = -160 -- characters of a trail: about eight records

local function callbacks_of(user, source)
  local found, seen = {}, {}
  local trail = redis.call('HGET', K.job .. source, 'trail') or ''
  for entry in string.gmatch(string.sub(trail, LAST_ENTRIES), '%d+%-%d+') do
    for _, row in ipairs(redis.call('XRANGE', K.log .. user, '(' .. entry, '+', 'COUNT', 3)) do
      local id = row[2][2]
      local of, ended_ms = unpack(redis.call('HMGET', K.job .. id, 'source', 'ended_ms'))
      if of == source and not ended_ms and not seen[id] then
        seen[id], found[#found + 1] = true, id
      end
    end
  end
  return found
end

local function holders(slots, user, most)
  local found = {}
  for i, id in ipairs(redis.call('SRANDMEMBER', slots, most)) do
    found[i] = fields(K.job .. id, 'state', 'started_at', 'worker_name', 'ended_ms', 'lingers')
    found[i].id, found[i].due_ms = id, redis.call('ZSCORE', K.due, id) or nil
    if found[i].lingers then found[i].callbacks = callbacks_of(user, id) end
  end
  return found
end
