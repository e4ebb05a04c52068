-- finish(message, state, status, times, trail): make a message terminal. Takes it off every index
-- of living messages, gives back its slot and keeps its record for times.keep_ms, for the log. That it
-- leaves its flow-control key is for who calls it: see flow_leave.
-- message: as read_message returns it; times: {now_ms =, now_iso =, keep_ms =, and where many may end in one call
-- ended = {}: their ids by user, which the caller takes off the living ones together}.
-- A queue's slot is held until the message's callbacks have ended too: until then it lingers, and its
-- record, through which they find the slot, does not expire.
-- slot_free(lane, id, flow): let an id go from its queue; whatever it kept back is woken.
-- callback_ended(source, id): a callback of source is over, or was deleted; the last one ends the lingering.

-- What held a slot, or stood in front and waited for the gate of its flow-control key, makes room.
local function slot_free(lane, id, flow)
  redis.call('ZREM', K.members .. lane, id)
  local makes_room = redis.call('SREM', K.slots .. lane, id) == 1 or flow
  -- Not the line alone: a stock RQ worker may have popped what it held, or pushed what does not belong there.
  if makes_room and redis.call('EXISTS', K.members .. lane, K.queue .. lane) > 0 then lane_wake(lane) end
end

-- Its queue may have been deleted since, and another one made of the same name.
local function is_member(lane, id) return redis.call('ZSCORE', K.members .. lane, id) end

-- The message that this one is a callback of may have waited for it.
local function callback_ended(source, id)
  redis.call('SREM', K.callbacks .. source, id)
  local keep_ms, lane = read_record(source, 'lingers', 'origin')
  if not keep_ms or redis.call('EXISTS', K.callbacks .. source) == 1 then return end
  redis.call('HDEL', K.job .. source, 'lingers')
  redis.call('PEXPIRE', K.job .. source, keep_ms)
  if is_member(lane, source) then redis.call('HINCRBY', K.lane .. lane, 'lingering', -1) end
  slot_free(lane, source)
end

local function finish(message, state, status, times, trail)
  local id, lane, schedule = message.id, message.lane, message.schedule
  redis.call('HSET', K.job .. id, 'state', state, 'status', status, 'trail', trail,
    'ended_at', times.now_iso, 'ended_ms', times.now_ms)
  redis.call('PEXPIRE', K.job .. id, times.keep_ms)
  if times.ended then
    times.ended[message.user] = times.ended[message.user] or {}
    table.insert(times.ended[message.user], id)
  else
    redis.call('ZREM', K.live .. message.user, id)
  end
  if message.source then callback_ended(message.source, id) end
  if schedule and redis.call('HEXISTS', K.tick_states .. schedule, id) == 1 then
    redis.call('HSET', K.tick_states .. schedule, id, state == 'delivered' and 'SUCCESS' or 'FAIL')
  end
  if not is_queue(lane) then return end
  if redis.call('EXISTS', K.callbacks .. id) == 1 and is_member(lane, id) then
    redis.call('HSET', K.job .. id, 'lingers', times.keep_ms)
    redis.call('PERSIST', K.job .. id)
    redis.call('HINCRBY', K.lane .. lane, 'lingering', 1)
  else
    slot_free(lane, id, message.flow)
  end
end
