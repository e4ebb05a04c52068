-- turn_wait(gate, lane): let a lane wait for its turn at a gate; one that waits keeps its place.
-- passes(lane, gate, claim): ask the gate of a queue's next message. A queue that finds it
-- shut, or others waiting before it, waits for its turn. The lane of the gate gives the turns, and is
-- woken when it opens: at the end of a rate window, or when a delivery ends.
local function turn_wait(gate, lane)
  local last = redis.call('ZRANGE', K.waiters .. gate, -1, -1, 'WITHSCORES')[2]
  redis.call('ZADD', K.waiters .. gate, 'NX', (tonumber(last) or 0) + 1, lane)
end

local function passes(lane, gate, claim)
  local room, _, ends_ms = flow_room(gate, claim.now_ms)
  if ends_ms then wake_at(gate, ends_ms) end
  local open = room > 0
  if claim.turn == gate then return open end
  if open and claim.named then
    -- Its workers may be the only ones: nobody would give it a turn.
    redis.call('ZREM', K.waiters .. gate, lane)
    redis.call('ZREM', K.listeners .. gate, lane)
    return true
  end
  if open and redis.call('EXISTS', K.waiters .. gate) == 0 then return true end
  turn_wait(gate, lane)
  -- Its worker, which does not look at the ring, is to hear when the gate opens.
  if claim.named then redis.call('ZADD', K.listeners .. gate, 'NX', claim.now_ms, lane) end
  if open then lane_wake(gate) end
  return false
end
