-- serving(names, most): RQ's records of workers that registered for one of these queues.
local function serving(names, most)
  local found = {}
  for _, name in ipairs(names) do
    for _, key in ipairs(redis.call('SRANDMEMBER', K.workers .. name, most)) do
      local worker = fields(key, 'last_heartbeat', 'death')
      if worker.last_heartbeat and not worker.death then found[#found + 1] = worker.last_heartbeat end
    end
  end
  return found
end
