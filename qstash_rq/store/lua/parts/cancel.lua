-- cancel_one(id, user, times): cancel a message of this user.
-- Returns 'canceled' (it will never be delivered), 'requested' (in flight: no retry will follow) or
-- 'gone' (unknown, another user's, terminal, or cancelled before).
local LREM_LIMIT = 10000 -- a longer line keeps the id until a claim drops it: LREM walks the list

local function cancel_one(id, user, times)
  local message = read_message(id)
  local state, lane, trail = message.state, message.lane, message.trail
  if message.user ~= user or message.cancel or not (state == 'due' or state == 'ready' or state == 'active') then
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
  finish(message, 'canceled', 'canceled', times, trail)
  if message.flow then flow_leave(message.flow, { id }) end
  return 'canceled'
end
