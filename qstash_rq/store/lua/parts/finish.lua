-- finish(id, message, state, status, times, trail): make a message terminal. Frees its slot, takes
-- it off every index of living messages and keeps its record for times.keep_ms, for the log.
-- message: {user =, lane =}; times: {now_ms =, now_iso =, keep_ms =}.
local function finish(id, message, state, status, times, trail)
  local lane = message.lane
  redis.call('HSET', K.job .. id, 'state', state, 'status', status, 'trail', trail,
    'ended_at', times.now_iso, 'ended_ms', times.now_ms)
  redis.call('PEXPIRE', K.job .. id, times.keep_ms)
  redis.call('ZREM', K.live .. message.user, id)
  if lane == message.user then return end
  redis.call('ZREM', K.members .. lane, id)
  if redis.call('SREM', K.slots .. lane, id) == 1 and redis.call('EXISTS', K.queue .. lane) == 1 then
    lane_wake(lane)
  end
end
