-- is_queue(lane): a named queue, and neither a user's own lane nor that of a flow-control key.
-- bells_ring(lanes): ring the bells of workers that serve lanes by name; they do not look at the ring.
-- lane_wake(lane): put a lane with work on the ring, once, and ring its bell.
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
