-- put_back: return a message that a stock RQ worker popped to the front of its line, or behind
-- messages that hold slots.
-- KEYS  1 record (HASH)
-- ARGV  1 message id
-- Returns  its lane, or '' when it does not wait in line
-- Refuses a message that is not ready: it is in flight, due later, or terminal.
-- uses: line
local state, lane = unpack(redis.call('HMGET', KEYS[1], 'state', 'origin'))
if state ~= 'ready' then return '' end
-- RQ marked it started; a second id of the same message in the line is dropped by claim.
redis.call('HSET', KEYS[1], 'status', 'queued')
-- What holds a slot stands in front of what does not, or it would wait behind a shut gate.
local line, slots = K.queue .. lane, K.slots .. lane
local head = redis.call('LINDEX', line, 0)
local behind = head and redis.call('SISMEMBER', slots, head) == 1
  and redis.call('SISMEMBER', slots, ARGV[1]) == 0
redis.call(behind and 'RPUSH' or 'LPUSH', line, ARGV[1])
lane_wake(lane)
return lane
