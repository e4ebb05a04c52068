-- renew: keep the leases of deliveries whose endpoints are slow to answer.
-- KEYS  1 leases (ZSET)
-- ARGV  1 lease_until_ms   then for each delivery: id, attempt
-- Returns  ids whose lease this worker no longer holds
-- Refuses when the message was recovered since: it is ready again, or active in a later attempt.
-- What it lost was taken for the sign of its death, which is taken back.
-- One that was settled in this attempt, while this call was on its way, is not lost.
-- uses: record, deaths
local lost = {}
for i = 2, #ARGV, 2 do
  local state, attempt = read_record(ARGV[i], 'state', 'attempt')
  if state == 'active' and attempt == ARGV[i + 1] then
    redis.call('ZADD', KEYS[1], 'XX', ARGV[1], ARGV[i])
  elseif state == 'ready' or attempt ~= ARGV[i + 1] then
    lost[#lost + 1] = ARGV[i]
    forgive_death(ARGV[i], ARGV[i + 1])
  end
end
return lost
