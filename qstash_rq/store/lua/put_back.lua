-- put_back: return a message that a stock RQ worker popped to the front of its line.
-- KEYS  1 record (HASH)
-- ARGV  1 message id
-- Returns  its lane, or '' when it does not wait in line
-- Refuses a message that is not ready: it is in flight, due later, or terminal.
-- uses: line
local state, lane = unpack(redis.call('HMGET', KEYS[1], 'state', 'origin'))
if state ~= 'ready' then return '' end
-- RQ marked it started; a second id of the same message in the line is dropped by claim.
redis.call('HSET', KEYS[1], 'status', 'queued')
redis.call('LPUSH', K.queue .. lane, ARGV[1])
lane_wake(lane)
return lane
