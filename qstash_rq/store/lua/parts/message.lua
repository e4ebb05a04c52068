-- read_message(id): return what ending an attempt or a message has to know of its record; false where there is nothing.
local function read_message(id)
  local state, attempt, user, lane, cancel, trail, retried, flow, source, schedule =
    read_record(id, 'state', 'attempt', 'user', 'origin', 'cancel', 'trail', 'retried', 'flow', 'source', 'schedule')
  return {
    id = id, state = state, attempt = attempt, user = user, lane = lane, cancel = cancel, trail = trail,
    retried = retried, flow = flow, source = source, schedule = schedule,
  }
end
