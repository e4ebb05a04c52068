-- The rate window of a flow-control key. It begins with the first delivery that starts after the last one has ended.
-- The endpoint counts from the first request it sees, so a window ends a period after that one arrived, not after it
-- was claimed. Until `confirm` tells when it arrived, it is taken to have needed the slack.
-- window_end(window_ms, arrived_ms, period_ms): when the next window may begin.
-- window_room(gate, window, now_ms): how many deliveries may start; when that is 0, also when the window ends.
-- window: {rate =, period_ms =, window_ms =, arrived_ms =, count =}, as stored.
-- window_count(gate, now_ms, started): count deliveries that start. With a rate limit returns {when the window began, when the
-- request must have left, slack in ms if nobody knows yet when the first one arrived or 0}.
local function slack_of(period_ms) return math.min(math.ceil(period_ms / 25), 500) end

local function window_end(window_ms, arrived_ms, period_ms)
  arrived_ms = tonumber(arrived_ms) or 0
  return (arrived_ms > 0 and arrived_ms or (tonumber(window_ms) or 0) + slack_of(period_ms)) + period_ms
end

local function window_room(gate, window, now_ms)
  local count, period_ms = tonumber(window.count) or 0, tonumber(window.period_ms)
  if window.rate == 0 then return math.huge end
  if count == 0 then return window.rate end
  local window_ms, arrived_ms, slack_ms = tonumber(window.window_ms), tonumber(window.arrived_ms), slack_of(period_ms)
  if math.max(window_ms, arrived_ms or 0) > now_ms + 2 * slack_ms then
    -- A clock that runs ahead began it. It has begun by now, and must not last longer than a period from here.
    window_ms, arrived_ms = now_ms, now_ms
    redis.call('HSET', K.flow .. gate, 'window_ms', now_ms, 'arrived_ms', now_ms)
  end
  local ends_ms = window_end(window_ms, arrived_ms, period_ms)
  if now_ms >= ends_ms then return window.rate end
  -- Nothing starts at the very end: it could arrive after it, and be one too many in the next window.
  if count >= window.rate or now_ms >= window_ms + period_ms - slack_ms then return 0, ends_ms end
  return window.rate - count
end

local function window_count(gate, now_ms, started)
  local rate, period_ms, window_ms, arrived_ms, count = unpack(redis.call('HMGET', K.flow .. gate,
    'rate', 'period_ms', 'window_ms', 'arrived_ms', 'count'))
  period_ms = tonumber(period_ms) or 1000
  if (tonumber(count) or 0) == 0 or now_ms >= window_end(window_ms, arrived_ms, period_ms) then
    window_ms, arrived_ms = now_ms, 0
    redis.call('HSET', K.flow .. gate, 'window_ms', now_ms, 'arrived_ms', 0, 'count', started)
  else
    redis.call('HINCRBY', K.flow .. gate, 'count', started)
  end
  if (tonumber(rate) or 0) == 0 then return nil end
  local slack_ms = slack_of(period_ms)
  local leave_by_ms = tonumber(window_ms) + period_ms - math.floor(slack_ms / 2)
  return { tonumber(window_ms), leave_by_ms, (tonumber(arrived_ms) or 0) > 0 and 0 or slack_ms }
end
