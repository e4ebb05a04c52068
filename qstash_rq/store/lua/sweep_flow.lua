-- sweep_flow: put right what who deleted jobs left behind at the gate of a flow-control key, and have it looked at.
-- KEYS  1 flow_users (SET)   2 slots (SET)
-- ARGV  1 gate   2 most ids
-- Returns  the number of ids that are forgotten
-- Refuses nothing. Of more ids than that it looks at any.
-- uses: record, line, flow, flow_use
local gate, forgotten = ARGV[1], 0
for _, id in ipairs(redis.call('SRANDMEMBER', KEYS[1], ARGV[2])) do
  if not read_record(id, 'state') then
    flow_leave(gate, { id })
    forgotten = forgotten + 1
  end
end
for _, id in ipairs(redis.call('SRANDMEMBER', KEYS[2], ARGV[2])) do
  if read_record(id, 'state') ~= 'active' then
    redis.call('SREM', KEYS[2], id)
    forgotten = forgotten + 1
  end
end
-- Also what nobody would be told of: a clock that ran ahead may have given the end of a window.
flow_wake(gate)
return forgotten
