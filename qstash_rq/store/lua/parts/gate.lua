-- take(lane, most, claim, rows): claim up to `most` messages of a lane into rows. Returns true when
-- the lane may have more to claim now, false when it is empty or its gate is shut.
local STALE_LIMIT = 1000 -- stale ids dropped in one visit; the lane stays on the ring for the rest

local function take_plain(lane, most, claim, rows)
  local ids = redis.call('LPOP', K.queue .. lane, most)
  if not ids then return false end
  start_popped(lane, ids, claim, rows)
  return redis.call('EXISTS', K.queue .. lane) == 1
end

local function take(lane, most, claim, rows)
  if not string.find(lane, ':', 1, true) then return take_plain(lane, most, claim, rows) end
  local queue, paused, parallelism = is_queue(lane), nil, nil
  if queue then paused, parallelism = unpack(redis.call('HMGET', K.lane .. lane, 'paused', 'parallelism')) end
  if paused == '1' then return false end
  local wanted = #rows + most
  for _ = 1, STALE_LIMIT do
    local outcome = queue and take_of_queue(lane, tonumber(parallelism) or 1, claim, rows)
      or take_of_flow(lane, wanted - #rows, claim, rows)
    if outcome == 'shut' or outcome == 'empty' then return false end
    if #rows >= wanted or claim.bytes <= 0 then return true end
  end
  return true
end
