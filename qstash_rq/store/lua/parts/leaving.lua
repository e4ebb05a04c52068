-- note_release(gates, message): the delivery of a message with a flow-control key is over. Noted in `gates`, but for
-- one of a queue: the gate is woken before the queue is, or its own line would lose its turn.
-- note_leave(gates, message): it was the message's last one.
-- leave_gates(gates): tell the gates what was noted, each once, however many of its deliveries were settled together.
local function noted(gates, gate)
  gates[gate] = gates[gate] or { released = {}, ended = {} }
  return gates[gate]
end

local function note_release(gates, message)
  if message.lane ~= message.flow then return flow_release(message.flow, { message.id }) end
  table.insert(noted(gates, message.flow).released, message.id)
end

local function note_leave(gates, message)
  table.insert(noted(gates, message.flow).ended, message.id)
end

local function leave_gates(gates)
  for gate, use in pairs(gates) do
    if use.released[1] then flow_release(gate, use.released) end
    if use.ended[1] then flow_leave(gate, use.ended) end
  end
end
