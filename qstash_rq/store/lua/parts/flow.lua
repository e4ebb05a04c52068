-- What flow-control keys have in common with whatever ends deliveries or changes limits. The gate of a key is named
-- like the lane of its own messages: user:~key.
-- flow_wake(gate): the gate may have opened: its lane, which gives turns to all that wait, is woken.
-- flow_release(gate, ids): these deliveries are over.
local BELLS = 16 -- waiting lanes whose workers hear at once; the others ask every two seconds

local function flow_wake(gate)
  local waiting = redis.call('ZRANGE', K.waiters .. gate, 0, BELLS - 1)
  if waiting[1] or redis.call('EXISTS', K.queue .. gate) == 1 then lane_wake(gate) end
  bells_ring(waiting)
end

local function flow_release(gate, ids)
  if redis.call('SREM', K.slots .. gate, unpack(ids)) > 0 then flow_wake(gate) end
end
