-- drain: cancel messages of a closed queue, a bounded number a call.
-- KEYS  1 closing (ZSET)
-- ARGV  1 now_ms   2 now as RQ writes it   3 keep_ms of the record   4 user   5 lane   6 most messages
-- Returns  the number of messages left to cancel
-- Refuses nothing. A message in flight finishes its attempt and is not retried.
-- uses: record, log, line, flow, flow_use, message, finish, cancel
local times = { now_ms = ARGV[1], now_iso = ARGV[2], keep_ms = ARGV[3] }
local popped = redis.call('ZPOPMIN', KEYS[1], ARGV[6])
for i = 1, #popped, 2 do
  cancel_one(popped[i], ARGV[4], times)
end
local left = redis.call('ZCARD', KEYS[1])
if left == 0 then redis.call('SREM', K.closings, ARGV[5]) end
return left
