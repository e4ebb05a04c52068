-- cancel_one(id, user, times): cancel a message of this user.
-- Returns 'canceled' (it will never be delivered), 'requested' (in flight: no retry will follow) or
-- 'gone' (unknown, another user's, terminal, or cancelled before).
local LREM_LIMIT = 10000 -- a longer line keeps the id until a claim drops it: LREM walks the list

local function cancel_one(id, user, times)
  local state, owner, lane, trail, cancel =
    unpack(redis.call('HMGET', K.job .. id, 'state', 'user', 'origin', 'trail', 'cancel'))
  if owner ~= user or cancel or not (state == 'due' or state == 'ready' or state == 'active') then
    return 'gone'
  end
  trail = trail .. ' ' .. log_append(user, times.now_ms, id, 'CANCEL_REQUESTED')
  if state == 'active' then
    redis.call('HSET', K.job .. id, 'cancel', '1', 'trail', trail)
    return 'requested'
  end
  if state == 'due' then
    redis.call('ZREM', K.due, id)
  elseif redis.call('LLEN', K.queue .. lane) <= LREM_LIMIT then
    redis.call('LREM', K.queue .. lane, 1, id)
  end
  trail = trail .. ' ' .. log_append(user, times.now_ms, id, 'CANCELED')
  finish(id, { user = user, lane = lane }, 'canceled', 'canceled', times, trail)
  return 'canceled'
end
