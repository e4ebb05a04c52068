-- take_of_flow(gate, claim, rows): claim the next message at a flow-control gate into rows: of its own
-- line, or of a queue that waits there. All these lanes take turns; a worker that serves named lanes is
-- given the gate's own line alone.
-- Returns taken, shut, empty, or stale (whose turn it was has nothing to start any more).
local function give_turn(gate, lane, claim, rows)
  local paused, parallelism = unpack(redis.call('HMGET', K.lane .. lane, 'paused', 'parallelism'))
  if paused == '1' then return 'stale' end
  claim.turn = gate
  local outcome = take_of_queue(lane, tonumber(parallelism) or 1, claim, rows)
  claim.turn = nil
  if outcome == 'taken' or outcome == 'stale' then lane_wake(lane) end
  return outcome == 'taken' and 'taken' or 'stale'
end

local function take_of_flow(gate, claim, rows)
  local line = redis.call('EXISTS', K.queue .. gate) == 1
  local first = not claim.named and redis.call('ZRANGE', K.waiters .. gate, 0, 0)[1]
  if not line and not first then return 'empty' end
  if not passes(gate, gate, claim) then return 'shut' end
  if first and line then turn_wait(gate, gate) end
  if first then redis.call('ZREM', K.waiters .. gate, first) end
  if first and first ~= gate then return give_turn(gate, first, claim, rows) end
  local row = line and start(redis.call('LPOP', K.queue .. gate), gate, claim)
  if row then rows[#rows + 1] = row end
  return row and 'taken' or 'stale'
end
