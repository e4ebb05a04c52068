-- recover: put messages whose lease has ended back at the front of their lane.
-- KEYS  1 leases (ZSET)
-- ARGV  1 now_ms   2 now as RQ writes it   3 keep_ms of the record   4 most messages
-- Returns  {number recovered, end of the next lease in ms or ''}
-- Refuses nothing. A message whose cancellation was requested is cancelled instead of recovered;
-- one whose queue was deleted joins no line: drain cancels it.
-- uses: log, line, flow, flow_use, finish
local times = { now_ms = ARGV[1], now_iso = ARGV[2], keep_ms = ARGV[3] }
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. ARGV[1], 'LIMIT', 0, ARGV[4])
local places = {}
for _, id in ipairs(ids) do
  local state, lane, user, cancel, trail, flow =
    unpack(redis.call('HMGET', K.job .. id, 'state', 'origin', 'user', 'cancel', 'trail', 'flow'))
  redis.call('ZREM', KEYS[1], id)
  if flow then flow_release(flow, id) end
  if state == 'active' and cancel == '1' then
    local entry = log_append(user, times.now_ms, id, 'CANCELED')
    finish(id, { user = user, lane = lane }, 'canceled', 'canceled', times, trail .. ' ' .. entry)
  elseif state == 'active' then
    redis.call('HSET', K.job .. id, 'state', 'ready', 'status', 'queued')
    local place = not is_queue(lane) and 0 or redis.call('ZSCORE', K.members .. lane, id)
    if place then places[#places + 1] = { id = id, lane = lane, place = tonumber(place) } end
  end
end

-- The lowest place goes in last, so that it stands first.
table.sort(places, function(a, b) return a.place > b.place end)
for _, message in ipairs(places) do
  redis.call('LPUSH', K.queue .. message.lane, message.id)
  lane_wake(message.lane)
end
return { #ids, redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2] or '' }
