-- take(lane, most, claim, rows): claim up to `most` messages of a lane into rows. Returns true when
-- the lane may have more to claim now, false when it is empty or its gate is shut.
-- In a queue the members decide the order and the line is its mirror, so that an id which a stock
-- RQ worker popped cannot be overtaken.
local STALE_LIMIT = 1000 -- stale ids dropped in one visit; the lane stays on the ring for the rest

local function take_plain(lane, most, claim, rows)
  local ids = redis.call('LPOP', K.queue .. lane, most)
  if not ids then return false end
  for _, id in ipairs(ids) do rows[#rows + 1] = start(id, claim) end
  return redis.call('EXISTS', K.queue .. lane) == 1
end

-- The id to claim next from a queue, or nil and why there is none: shut, empty, stale (the head was
-- dropped).
local function next_of_queue(lane, head, parallelism)
  if head and redis.call('SISMEMBER', K.slots .. lane, head) == 1 then return head end
  local held = redis.call('SCARD', K.slots .. lane)
  local rightful, place, outcome = nil, nil, 'shut'
  if held < parallelism then
    rightful, place = unpack(redis.call('ZRANGE', K.members .. lane, held, held, 'WITHSCORES'))
    if not rightful or tonumber(place) >= DELAYED_PLACE then rightful, outcome = nil, 'empty' end
  end
  -- A stale head would hide what stands behind it: one that holds a slot, or other stale ids.
  if head and head ~= rightful
    and (outcome == 'empty' or redis.call('HGET', K.job .. head, 'state') ~= 'ready') then
    redis.call('LPOP', K.queue .. lane)
    return nil, 'stale'
  end
  return rightful, outcome
end

-- Asks the flow-control gate of a message; a lane that finds it shut waits for it.
local function passes(lane, gate, claim)
  local open, at_ms = flow_open(gate, claim.now_ms)
  if open then return true end
  if at_ms then wake_at(lane, at_ms) end
  if lane ~= gate then redis.call('SADD', K.waiters .. gate, lane) end
  return false
end

local function take_of_queue(lane, parallelism, claim, rows)
  local head = redis.call('LINDEX', K.queue .. lane, 0)
  local id, outcome = next_of_queue(lane, head, parallelism)
  if not id then return outcome end
  local gate = redis.call('HGET', K.job .. id, 'flow')
  if gate and not passes(lane, gate, claim) then return 'shut' end
  if id == head then redis.call('LPOP', K.queue .. lane) end
  local row = start(id, claim)
  if row then
    redis.call('SADD', K.slots .. lane, id)
    rows[#rows + 1] = row
  elseif redis.call('SISMEMBER', K.slots .. lane, id) == 0 then
    -- It should have been ready: its record was deleted, by `rq empty` for one.
    redis.call('ZREM', K.members .. lane, id)
  end
  return row and 'taken' or 'stale'
end

local function take_of_flow(lane, claim, rows)
  if redis.call('EXISTS', K.queue .. lane) == 0 then return 'empty' end
  if not passes(lane, lane, claim) then return 'shut' end
  local row = start(redis.call('LPOP', K.queue .. lane), claim)
  rows[#rows + 1] = row
  return row and 'taken' or 'stale'
end

local function take(lane, most, claim, rows)
  if not string.find(lane, ':', 1, true) then return take_plain(lane, most, claim, rows) end
  local queue, paused, parallelism = is_queue(lane), nil, nil
  if queue then paused, parallelism = unpack(redis.call('HMGET', K.lane .. lane, 'paused', 'parallelism')) end
  if paused == '1' then return false end
  local wanted = #rows + most
  for _ = 1, STALE_LIMIT do
    local outcome = queue and take_of_queue(lane, tonumber(parallelism) or 1, claim, rows)
      or take_of_flow(lane, claim, rows)
    if outcome == 'shut' or outcome == 'empty' then return false end
    if #rows >= wanted then return true end
  end
  return true
end
