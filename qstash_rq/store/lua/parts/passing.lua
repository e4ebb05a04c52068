-- passes(lane, gate, claim): ask the flow-control gate of a lane's next message. A lane that finds it
-- shut is woken when it opens: at the end of a rate window, or when a delivery ends.
local function passes(lane, gate, claim)
  local open, at_ms = flow_open(gate, claim.now_ms)
  if open then return true end
  if at_ms then wake_at(lane, at_ms) end
  if lane ~= gate then redis.call('SADD', K.waiters .. gate, lane) end
  return false
end
