-- sweep_queue: put right what others left behind in a queue: a stock RQ worker that died, or who deleted jobs.
-- KEYS  1 lane (HASH)
-- ARGV  1 lane   2 most ids   then ids of the user's messages whose records are gone
-- Returns  the number of messages put back
-- Refuses nothing. An id that stands in line already stays as it is.
-- uses: record, line, bulk, finish, leftovers
local lane, most = ARGV[1], tonumber(ARGV[2])
local line, put_back = K.queue .. lane, 0
forget_leftovers(lane, most)
for _, id in ipairs(redis.call('SMEMBERS', K.slots .. lane)) do
  local state, lingers = read_record(id, 'state', 'lingers')
  if not state then
    redis.call('DEL', K.callbacks .. id)
    slot_free(lane, id)
  elseif state == 'ready' and not redis.call('LPOS', line, id, 'MAXLEN', 1000) then
    -- A ready message that holds a slot stands in front; popped, it would block the whole queue.
    redis.call('LPUSH', line, id)
    put_back = put_back + 1
  elseif lingers then
    for _, callback in ipairs(redis.call('SRANDMEMBER', K.callbacks .. id, most)) do
      if not read_record(callback, 'state') then callback_ended(id, callback) end
    end
  end
end
-- Nobody claims a delayed one, which would find it gone: the queue's lag would count it for ever.
bulk('ZREM', K.members .. lane, { unpack(ARGV, 3) })
local lingering = 0
for _, id in ipairs(redis.call('SMEMBERS', K.slots .. lane)) do
  if read_record(id, 'lingers') then lingering = lingering + 1 end
end
if tonumber(redis.call('HGET', KEYS[1], 'lingering') or 0) ~= lingering then
  redis.call('HSET', KEYS[1], 'lingering', lingering)
end
-- All others the members know: a claim finds them once the lane is on the ring.
if redis.call('EXISTS', K.members .. lane) == 1 then lane_wake(lane) end
return put_back
