-- flow_keep(gate): forget a key that nothing uses, pins or pauses after a day.
-- flow_join(gate, id, user, parallelism, rate, period_ms): a message begins to use a flow-control key and
-- brings its limits, but for those that are pinned.
-- flow_leave(gate, id): a message ends to use it.
local FLOW_IDLE_MS = 86400000

local function flow_keep(gate)
  local paused, pinned_p, pinned_r =
    unpack(redis.call('HMGET', K.flow .. gate, 'paused', 'pin_parallelism', 'pin_rate'))
  local stays = paused == '1' or pinned_p == '1' or pinned_r == '1'
  if stays or redis.call('EXISTS', K.flow_users .. gate) == 1 then
    redis.call('PERSIST', K.flow .. gate)
  else
    redis.call('PEXPIRE', K.flow .. gate, FLOW_IDLE_MS)
  end
end

local function flow_join(gate, id, user, parallelism, rate, period_ms)
  local key = K.flow .. gate
  local old_p, old_r, old_period, pinned_p, pinned_r =
    unpack(redis.call('HMGET', key, 'parallelism', 'rate', 'period_ms', 'pin_parallelism', 'pin_rate'))
  if pinned_p ~= '1' then redis.call('HSET', key, 'parallelism', parallelism) end
  if pinned_r ~= '1' then redis.call('HSET', key, 'rate', rate, 'period_ms', period_ms) end
  redis.call('SADD', K.flow_users .. gate, id)
  redis.call('SADD', K.flow_keys .. user, string.sub(gate, #user + 3))
  flow_keep(gate)
  if old_p ~= parallelism or old_r ~= rate or old_period ~= period_ms then flow_wake(gate) end
end

local function flow_leave(gate, id)
  redis.call('SREM', K.flow_users .. gate, id)
  if redis.call('EXISTS', K.flow_users .. gate) == 0 then
    -- What still waits is queues whose message was cancelled.
    redis.call('DEL', K.waiters .. gate)
    redis.call('ZREM', K.wakes, gate)
  end
  flow_keep(gate)
end
