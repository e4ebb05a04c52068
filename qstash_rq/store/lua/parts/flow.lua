-- What flow-control keys have in common with whatever ends deliveries or changes limits. The gate of a key is named
-- like the lane of its own messages: user:~key.
-- flow_wake(gate): the gate may have opened: its lane, which gives turns to all that wait, is woken.
-- flow_release(gate, ids): these deliveries are over.
local BELLS = 16 -- of those that listen, how many hear at once: the others hear the next time

local function flow_wake(gate)
  if redis.call('EXISTS', K.waiters .. gate, K.queue .. gate) == 0 then return end
  lane_wake(gate)
  -- Taken off until they look again: lanes that nobody serves any more keep no other from hearing.
  local popped, lanes = redis.call('ZPOPMIN', K.listeners .. gate, BELLS), {}
  for i = 1, #popped, 2 do lanes[#lanes + 1] = popped[i] end
  bells_ring(lanes)
end

local function flow_release(gate, ids)
  if redis.call('SREM', K.slots .. gate, unpack(ids)) > 0 then flow_wake(gate) end
end
