-- expire: trim one user's log and dead letters, a bounded number of entries a call.
-- KEYS  1 log (STREAM)   2 dead (STREAM)
-- ARGV  1 user   2 oldest ms a log entry may have   3 most log entries   4 oldest ms of a dead letter
--       5 most entries a call   6 now_ms   7 grace_ms
-- Returns  the number of entries removed
-- Refuses nothing. A terminal message goes with its last entry, unless it is a dead letter, waits for
-- its callbacks, or is so fresh that GET /v2/messages must still find it.
-- uses: record, exhume
local most, removed = tonumber(ARGV[5]), 0

for _, entry in ipairs(redis.call('XRANGE', KEYS[2], '-', '(' .. ARGV[4] .. '-0', 'COUNT', most)) do
  exhume(ARGV[1], entry[1])
  removed = removed + 1
end

local excess = redis.call('XLEN', KEYS[1]) - tonumber(ARGV[3])
local newest_gone
for i, entry in ipairs(redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', most)) do
  local ms = tonumber(string.match(entry[1], '^%d+'))
  if i > excess and ms >= tonumber(ARGV[2]) then break end
  newest_gone = entry[1]
  removed = removed + 1
  local state = entry[2][4]
  if state == 'DELIVERED' or state == 'CANCELED' or state == 'FAILED' then
    local job = K.job .. entry[2][2]
    local ended_ms, dlq_id, lingers = read_record(entry[2][2], 'ended_ms', 'dlq_id', 'lingers')
    local kept = dlq_id or lingers
    if ended_ms and not kept and tonumber(ended_ms) + tonumber(ARGV[7]) < tonumber(ARGV[6]) then
      redis.call('UNLINK', job)
    end
  end
end
if newest_gone then
  local ms, seq = string.match(newest_gone, '^(%d+)-(%d+)$')
  redis.call('XTRIM', KEYS[1], 'MINID', ms .. '-' .. string.format('%.0f', tonumber(seq) + 1))
end
return removed
