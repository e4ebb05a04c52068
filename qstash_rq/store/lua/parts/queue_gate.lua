-- take_of_queue(lane, parallelism, claim, rows): claim the next message of a queue into rows.
-- Returns taken, shut, empty, or stale (something that was no message was dropped).
-- The members decide the order and the line is its mirror, so that an id which a stock RQ worker
-- popped cannot be overtaken.
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

local function take_of_queue(lane, parallelism, claim, rows)
  local head = redis.call('LINDEX', K.queue .. lane, 0)
  local id, outcome = next_of_queue(lane, head, parallelism)
  if not id then return outcome end
  local gate = redis.call('HGET', K.job .. id, 'flow')
  if gate and not passes(lane, gate, claim) then return 'shut' end
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
