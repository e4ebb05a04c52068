-- take(lane, most, claim, rows): claim up to `most` messages of a lane into rows. Returns true when
-- the lane may have more to claim now, false when it is empty or its gate is shut.
-- In a queue the members decide the order and the line is its mirror, so that an id which a stock
-- RQ worker popped cannot be overtaken.
local STALE_LIMIT = 1000 -- stale ids dropped in one visit; the lane stays on the ring for the rest

local function take_plain(lane, most, claim, rows)
  local ids = redis.call('LPOP', K.queue .. lane, most)
  if not ids then return false end
  for _, id in ipairs(ids) do rows[#rows + 1] = start(id, lane, claim) end
  return redis.call('EXISTS', K.queue .. lane) == 1
end

-- The id to claim next, or nil and why there is none: shut, empty, stale (the head was dropped).
local function next_of(lane, head, parallelism)
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

local function take_one(lane, parallelism, claim, rows)
  local head = redis.call('LINDEX', K.queue .. lane, 0)
  local id, outcome = next_of(lane, head, parallelism)
  if not id then return outcome end
  if id == head then redis.call('LPOP', K.queue .. lane) end
  local row = start(id, lane, claim)
  if row then
    redis.call('SADD', K.slots .. lane, id)
    rows[#rows + 1] = row
  elseif redis.call('SISMEMBER', K.slots .. lane, id) == 0 then
    -- It should have been ready: its record was deleted, by `rq empty` for one.
    redis.call('ZREM', K.members .. lane, id)
  end
  return row and 'taken' or 'stale'
end

local function take(lane, most, claim, rows)
  local paused, parallelism = unpack(redis.call('HMGET', K.lane .. lane, 'paused', 'parallelism'))
  if paused == '1' then return false end
  if not string.find(lane, ':', 1, true) then return take_plain(lane, most, claim, rows) end
  local wanted = #rows + most
  for _ = 1, STALE_LIMIT do
    local outcome = take_one(lane, tonumber(parallelism) or 1, claim, rows)
    if outcome == 'shut' or outcome == 'empty' then return false end
    if #rows >= wanted then return true end
  end
  return true
end
