-- take_back(id, times, places): end the lease of a delivery that nobody will settle. A message that was active is
-- ready again and noted in places, or cancelled if that was asked for. times: see finish.
-- put_in_front(places): put the noted ones back at the front of their lanes, in their order.
local function take_back(id, times, places)
  local message = read_message(id)
  local lane = message.lane
  redis.call('ZREM', K.leases, id)
  if message.flow then flow_release(message.flow, { id }) end
  if message.state == 'active' and message.cancel == '1' then
    local entry = log_append(message.user, times.now_ms, id, 'CANCELED')
    finish(message, 'canceled', 'canceled', times, message.trail .. ' ' .. entry)
    if message.flow then flow_leave(message.flow, { id }) end
  elseif message.state == 'active' then
    redis.call('HSET', K.job .. id, 'state', 'ready', 'status', 'queued')
    -- One whose queue was deleted joins no line: drain cancels it.
    local place = not is_queue(lane) and 0 or redis.call('ZSCORE', K.members .. lane, id)
    if place then places[#places + 1] = { id = id, lane = lane, place = tonumber(place) } end
  end
end

local function put_in_front(places)
  -- The lowest place goes in last, so that it stands first.
  table.sort(places, function(a, b) return a.place > b.place end)
  for _, message in ipairs(places) do
    redis.call('LPUSH', K.queue .. message.lane, message.id)
    lane_wake(message.lane)
  end
end
