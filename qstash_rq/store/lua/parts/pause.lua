-- note_pause(gate, was, now_ms, caller): remember since when a gate is paused and from which address; forget
-- it when it is not. A gate that was paused (was == '1') keeps who paused it first.
local function note_pause(gate, was, now_ms, caller)
  if redis.call('HGET', gate, 'paused') ~= '1' then
    redis.call('HDEL', gate, 'paused_ms', 'paused_ip')
  elseif was ~= '1' then
    redis.call('HSET', gate, 'paused_ms', now_ms)
    if caller ~= '' then redis.call('HSET', gate, 'paused_ip', caller) end
  end
end
