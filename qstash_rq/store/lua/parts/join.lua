-- line_join(lane, ids): put ready messages at their places in line, in this order, and wake the lane.
-- In a queue a message that holds a slot (between retries, or recovered) goes to the front.
local function queue_join(lane, id)
  if redis.call('SISMEMBER', K.slots .. lane, id) == 1 then
    redis.call('LPUSH', K.queue .. lane, id)
  else
    local place = redis.call('HINCRBY', K.lane .. lane, 'placed', 1)
    redis.call('ZADD', K.members .. lane, place, id)
    redis.call('RPUSH', K.queue .. lane, id)
  end
end

local function line_join(lane, ids)
  if is_queue(lane) then
    for _, id in ipairs(ids) do queue_join(lane, id) end
  else
    bulk('RPUSH', K.queue .. lane, ids)
  end
  lane_wake(lane)
end
