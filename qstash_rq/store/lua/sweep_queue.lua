-- sweep_queue: put right what a stock RQ worker left behind in a queue when it died.
-- KEYS  1 lane (HASH)
-- ARGV  1 lane   2 most ids
-- Returns  the number of messages put back
-- Refuses nothing. An id that stands in line already stays as it is.
-- uses: line, leftovers
local lane, most = ARGV[1], tonumber(ARGV[2])
local line, put_back = K.queue .. lane, 0
forget_leftovers(lane, most)
for _, id in ipairs(redis.call('SMEMBERS', K.slots .. lane)) do
  -- A ready message that holds a slot stands in front; popped, it would block the whole queue.
  local missing = redis.call('HGET', K.job .. id, 'state') == 'ready'
    and not redis.call('LPOS', line, id, 'MAXLEN', 1000)
  if missing then
    redis.call('LPUSH', line, id)
    put_back = put_back + 1
  end
end
-- All others the members know: a claim finds them once the lane is on the ring.
if redis.call('EXISTS', K.members .. lane) == 1 then lane_wake(lane) end
return put_back
