-- flow_keep(gate): forget a key that nothing uses, pins or pauses after a day.
-- flow_join(gate, id, user, parallelism, rate, period_ms): a message begins to use a flow-control key and
-- brings its limits, but for those that are pinned.
-- flow_leave(gate, ids): these messages end to use it.
local FLOW_IDLE_MS = 86400000

local function keep_unused(gate)
  local paused, pinned_p, pinned_r =
    unpack(redis.call('HMGET', K.flow .. gate, 'paused', 'pin_parallelism', 'pin_rate'))
  if paused == '1' or pinned_p == '1' or pinned_r == '1' then
    redis.call('PERSIST', K.flow .. gate)
  else
    redis.call('PEXPIRE', K.flow .. gate, FLOW_IDLE_MS)
  end
end

local function flow_keep(gate)
  if redis.call('EXISTS', K.flow_users .. gate) == 0 then return keep_unused(gate) end
  redis.call('PERSIST', K.flow .. gate)
end

local function flow_join(gate, id, user, parallelism, rate, period_ms)
  local key = K.flow .. gate
  local old_p, old_r, old_period, pinned_p, pinned_r =
    unpack(redis.call('HMGET', key, 'parallelism', 'rate', 'period_ms', 'pin_parallelism', 'pin_rate'))
  redis.call('SADD', K.flow_users .. gate, id)
  redis.call('SADD', K.flow_keys .. user, string.sub(gate, #user + 3))
  redis.call('PERSIST', key)
  if old_p == parallelism and old_r == rate and old_period == period_ms then return end
  if pinned_p ~= '1' then redis.call('HSET', key, 'parallelism', parallelism) end
  if pinned_r ~= '1' then redis.call('HSET', key, 'rate', rate, 'period_ms', period_ms) end
  flow_wake(gate)
end

local function flow_leave(gate, ids)
  redis.call('SREM', K.flow_users .. gate, unpack(ids))
  if redis.call('EXISTS', K.flow_users .. gate) == 1 then return end
  -- What still waits is queues whose message was cancelled.
  redis.call('DEL', K.waiters .. gate, K.listeners .. gate)
  redis.call('ZREM', K.wakes, gate)
  keep_unused(gate)
end
