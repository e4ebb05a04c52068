-- The rate window of a flow-control key. It begins with the first delivery that starts after the last one has ended.
-- The endpoint counts from the first request it sees, so a window ends a period after that one arrived, not after it
-- was claimed. Until `confirm` tells when it arrived, it is taken to have needed the slack.
-- window_end(window_ms, arrived_ms, period_ms): when the next window may begin.
-- window_room(gate, window, now_ms): how many deliveries may start; when that is 0, also when the window ends.
-- window: {rate =, period_ms =, window_ms =, arrived_ms =, count =}, numbers, as they are stored at this moment.
-- window_count(gate, window, now_ms, started): count deliveries that start. With a rate limit returns {when the window began, when the
-- request must have left, slack in ms if nobody knows yet when the first one arrived or 0}.
local function slack_of(period_ms) return math.min(math.ceil(period_ms / 25), 500) end

local function window_end(window_ms, arrived_ms, period_ms)
  arrived_ms = tonumber(arrived_ms) or 0
  return (arrived_ms > 0 and arrived_ms or (tonumber(window_ms) or 0) + slack_of(period_ms)) + period_ms
end

local function window_room(gate, window, now_ms)
  if window.rate == 0 then return math.huge end
  if window.count == 0 then return window.rate end
  local slack_ms = slack_of(window.period_ms)
  if math.max(window.window_ms, window.arrived_ms) > now_ms + 2 * slack_ms then
    -- A clock that runs ahead began it. It has begun by now, and must not last longer than a period from here.
    window.window_ms, window.arrived_ms = now_ms, now_ms
    redis.call('HSET', K.flow .. gate, 'window_ms', now_ms, 'arrived_ms', now_ms)
  end
  local ends_ms = window_end(window.window_ms, window.arrived_ms, window.period_ms)
  if now_ms >= ends_ms then return window.rate end
  -- Nothing starts at the very end: it could arrive after it, and be one too many in the next window.
  local shuts_ms = window.window_ms + window.period_ms - slack_ms
  if window.count >= window.rate or now_ms >= shuts_ms then return 0, ends_ms end
  return window.rate - window.count
end

local function window_count(gate, window, now_ms, started)
  local window_ms, arrived_ms, period_ms = window.window_ms, window.arrived_ms, window.period_ms
  if window.count == 0 or now_ms >= window_end(window_ms, arrived_ms, period_ms) then
    window_ms, arrived_ms = now_ms, 0
    redis.call('HSET', K.flow .. gate, 'window_ms', now_ms, 'arrived_ms', 0, 'count', started)
  else
    redis.call('HINCRBY', K.flow .. gate, 'count', started)
  end
  if window.rate == 0 then return nil end
  local slack_ms = slack_of(period_ms)
  local leave_by_ms = window_ms + period_ms - math.floor(slack_ms / 2)
  return { window_ms, leave_by_ms, arrived_ms > 0 and 0 or slack_ms }
end
