-- is_queue(lane): a named queue, and neither a user's own lane nor that of a flow-control key.
-- bells_ring(lanes): ring the bells of workers that serve lanes by name; they do not look at the ring.
-- lane_wake(lane): put a lane with work on the ring, once, and ring its bell.
-- line_join(lane, id): put a ready message at its place in line and wake the lane.
-- In a queue a message that holds a slot (between retries, or recovered) goes to the front.
local DELAYED_PLACE = 9e15 -- after every real place; a delayed message joins the line when due

local function is_queue(lane)
  local colon = string.find(lane, ':', 1, true)
  return colon ~= nil and string.sub(lane, colon + 1, colon + 1) ~= '~'
end

local function bells_ring(lanes)
  if not lanes[1] then return end
  local watched = redis.call('HMGET', K.watched, unpack(lanes))
  for i, lane in ipairs(lanes) do
    if watched[i] and redis.call('LLEN', K.bell .. lane) == 0 then
      redis.call('RPUSH', K.bell .. lane, '1')
      redis.call('PEXPIRE', K.bell .. lane, 60000)
    end
  end
end

local function lane_wake(lane)
  if redis.call('SADD', K.ringed, lane) == 1 then
    redis.call('RPUSH', K.ring, lane)
    redis.call('SADD', K.queues, K.queue .. lane)
  end
  bells_ring({ lane })
end

local function line_join(lane, id)
  if not is_queue(lane) then
    redis.call('RPUSH', K.queue .. lane, id)
  elseif redis.call('SISMEMBER', K.slots .. lane, id) == 1 then
    redis.call('LPUSH', K.queue .. lane, id)
  else
    local place = redis.call('HINCRBY', K.lane .. lane, 'placed', 1)
    redis.call('ZADD', K.members .. lane, place, id)
    redis.call('RPUSH', K.queue .. lane, id)
  end
  lane_wake(lane)
end
