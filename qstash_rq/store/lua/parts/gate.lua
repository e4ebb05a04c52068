-- take(lane, most, claim, rows): claim up to `most` messages of a lane into rows. Returns true when
-- the lane may have more to claim now, false when it is empty or its gate is shut.
-- In a queue the members decide the order and the line is its mirror, so that an id which a stock
-- RQ worker popped cannot be overtaken: the rightful next message is put back in front.
local STALE_LIMIT = 1000 -- stale ids dropped in one visit; the lane stays on the ring for the rest

local function take_plain(lane, most, claim, rows)
  local ids = redis.call('LPOP', K.queue .. lane, most)
  if not ids then return false end
  for _, id in ipairs(ids) do rows[#rows + 1] = start(id, claim) end
  return redis.call('EXISTS', K.queue .. lane) == 1
end

-- Returns what is next in a queue once its own gate lets it pass: an id, or nil and why not.
local function next_of_queue(lane, parallelism)
  local line, slots = K.queue .. lane, K.slots .. lane
  local head = redis.call('LINDEX', line, 0)
  if head and redis.call('SISMEMBER', slots, head) == 1 then return head end
  local held = redis.call('SCARD', slots)
  if held >= parallelism then return nil, 'shut' end
  local rightful = redis.call('ZRANGE', K.members .. lane, held, held, 'WITHSCORES')
  if not rightful[1] or tonumber(rightful[2]) >= DELAYED_PLACE then
    return nil, redis.call('LPOP', line) and 'stale' or 'empty'
  end
  if head ~= rightful[1] then redis.call('LPUSH', line, rightful[1]) end
  return rightful[1]
end

-- Asks the flow-control gate of a message; a lane that finds it shut waits for it.
local function passes(lane, gate, claim)
  local open, at_ms = flow_open(gate, claim.now_ms)
  if open then return true end
  if at_ms then wake_at(lane, at_ms) end
  if lane ~= gate then redis.call('SADD', K.waiters .. gate, lane) end
  return false
end

local function take_one(lane, parallelism, claim, rows)
  local id, why, gate
  if is_queue(lane) then
    id, why = next_of_queue(lane, parallelism)
    if not id then return why end
    gate = redis.call('HGET', K.job .. id, 'flow')
  else
    id, gate = redis.call('LINDEX', K.queue .. lane, 0), lane
    if not id then return 'empty' end
  end
  if gate and not passes(lane, gate, claim) then return 'shut' end
  redis.call('LPOP', K.queue .. lane)
  local row = start(id, claim)
  if not row then return 'stale' end
  if is_queue(lane) then redis.call('SADD', K.slots .. lane, id) end
  rows[#rows + 1] = row
  return 'taken'
end

local function take(lane, most, claim, rows)
  if not string.find(lane, ':', 1, true) then return take_plain(lane, most, claim, rows) end
  local paused, parallelism = unpack(redis.call('HMGET', K.lane .. lane, 'paused', 'parallelism'))
  if paused == '1' then return false end
  local wanted = #rows + most
  for _ = 1, STALE_LIMIT do
    local outcome = take_one(lane, tonumber(parallelism) or 1, claim, rows)
    if outcome == 'shut' or outcome == 'empty' then return false end
    if #rows >= wanted then return true end
  end
  return true
end
