-- take_of_queue(lane, parallelism, claim, rows): claim the next message of a queue into rows.
-- Returns taken, shut, empty, or stale (something that was no message was dropped).
-- The members decide the order and the line is its mirror, so that an id which a stock RQ worker
-- popped cannot be overtaken.
local function line_drop(lane, id, at)
  if at == 0 then redis.call('LPOP', K.queue .. lane) else redis.call('LREM', K.queue .. lane, 1, id) end
end

-- What holds a slot (between retries, or recovered) stands in front. One that waits for the gate of its key
-- keeps none of the others back. Returns the first to claim, or nil; and where in line it, or what follows them, stands.
local function ready_holder(lane, claim)
  local at = 0
  while true do
    local id = redis.call('LINDEX', K.queue .. lane, at)
    if not id or redis.call('SISMEMBER', K.slots .. lane, id) == 0 then return nil, at, id end
    local state, gate = read_record(id, 'state', 'flow')
    if state ~= 'ready' or not gate or passes(lane, gate, claim) then return id, at, id end
    at = at + 1
  end
end

-- The id to claim for a free slot, or nil and why there is none: shut, empty, stale (what stood next was dropped).
local function next_of_queue(lane, head, at, parallelism)
  local held = redis.call('SCARD', K.slots .. lane)
  local rightful, place, outcome = nil, nil, 'shut'
  if held < parallelism then
    rightful, place = unpack(redis.call('ZRANGE', K.members .. lane, held, held, 'WITHSCORES'))
    if not rightful or tonumber(place) >= DELAYED_PLACE then rightful, outcome = nil, 'empty' end
  end
  -- A stale head would hide what stands behind it: one that holds a slot, or other stale ids.
  if head and head ~= rightful
    and (outcome == 'empty' or read_record(head, 'state') ~= 'ready') then
    line_drop(lane, head, at)
    return nil, 'stale'
  end
  return rightful, outcome
end

local function take_of_queue(lane, parallelism, claim, rows)
  local id, at, head = ready_holder(lane, claim)
  if not id then
    local outcome
    id, outcome = next_of_queue(lane, head, at, parallelism)
    if not id then return outcome end
    local gate = read_record(id, 'flow')
    if gate and not passes(lane, gate, claim) then return 'shut' end
  end
  if id == head then line_drop(lane, id, at) end
  local row, flow = start(id, lane, claim)
  if row then
    redis.call('SADD', K.slots .. lane, id)
    if flow then flow_take(flow, { row }, claim.now_ms) end
    rows[#rows + 1] = row
  elseif redis.call('SISMEMBER', K.slots .. lane, id) == 0 then
    -- It should have been ready: its record was deleted, by `rq empty` for one.
    redis.call('ZREM', K.members .. lane, id)
  end
  return row and 'taken' or 'stale'
end
