-- give_back: return claims whose request has not left, and must not any more, to the front of their lanes.
-- KEYS  1 leases (ZSET; routes the call in a Cluster)
-- ARGV  1 now_ms   2 now as RQ writes it   3 keep_ms of the record   then for each claim: id, attempt
-- Returns  the number given back
-- Refuses a claim that this worker no longer holds: the message was recovered since.
-- uses: record, log, line, flow, flow_use, message, finish, take_back
local times, places, given = { now_ms = ARGV[1], now_iso = ARGV[2], keep_ms = ARGV[3] }, {}, 0
for i = 4, #ARGV, 2 do
  local state, attempt = read_record(ARGV[i], 'state', 'attempt')
  if state == 'active' and attempt == ARGV[i + 1] then
    take_back(ARGV[i], times, places)
    given = given + 1
  end
end
put_in_front(places)
return given
