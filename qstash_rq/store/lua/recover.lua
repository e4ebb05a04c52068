-- recover: put messages whose lease has ended back at the front of their lane.
-- KEYS  1 leases (ZSET)
-- ARGV  1 now_ms   2 now as RQ writes it   3 keep_ms of the record   4 most messages   5 most deaths, 0 = any number
-- Returns  {number looked at, end of the next lease in ms or '', {id, user, attempt, retried, deaths} ...}: the rows
--          are messages that are condemned; they stay active until somebody settles that attempt as failed
-- Refuses nothing. A message whose cancellation was requested is cancelled instead of recovered;
-- one whose queue was deleted joins no line: drain cancels it.
-- uses: record, log, line, flow, flow_use, message, finish, take_back, deaths
local times = { now_ms = ARGV[1], now_iso = ARGV[2], keep_ms = ARGV[3] }
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. ARGV[1], 'LIMIT', 0, ARGV[4])
local places, condemned = {}, {}
for _, id in ipairs(ids) do
  local row = note_death(id, tonumber(ARGV[5]))
  if row then condemned[#condemned + 1] = row else take_back(id, times, places) end
end
put_in_front(places)
return { #ids, redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2] or '', unpack(condemned) }
