-- take_of_flow(gate, most, claim, rows): claim at a flow-control gate into rows: up to `most` of its own
-- line or, when queues wait there, the next one of whose turn it is. All these lanes take turns; a worker that
-- serves named lanes is given the gate's own line alone.
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

-- Most keys have a line and no waiters: theirs is asked and counted once a visit, which made 12 of the 21 commands a
-- message of a claim from very many lanes.
local function take_together(gate, window, most, claim, rows)
  local ids, started = redis.call('LPOP', K.queue .. gate, most), {}
  if not ids then return 'empty' end
  local all = start_popped(gate, ids, claim, started)
  if not started[1] then return 'stale' end
  flow_take(gate, started, claim.now_ms, window)
  for _, row in ipairs(started) do rows[#rows + 1] = row end
  return all and #ids < most and 'empty' or 'taken'
end

local function take_of_flow(gate, most, claim, rows)
  local first = not claim.named and redis.call('ZRANGE', K.waiters .. gate, 0, 0)[1]
  local room, window, ends_ms = flow_room(gate, claim.now_ms)
  if room <= 0 then
    -- Where nothing waits there is nobody to wake.
    if not first and redis.call('EXISTS', K.queue .. gate) == 0 then return 'empty' end
    if ends_ms then wake_at(gate, ends_ms) end
    return 'shut'
  end
  if not first then return take_together(gate, window, math.min(room, most), claim, rows) end
  local line = redis.call('EXISTS', K.queue .. gate) == 1
  if line then turn_wait(gate, gate) end
  redis.call('ZREM', K.waiters .. gate, first)
  if first ~= gate then return give_turn(gate, first, claim, rows) end
  return line and take_together(gate, window, 1, claim, rows) or 'stale'
end
