-- change_flow: pause, resume, pin, unpin or reset the gate of a flow-control key; makes it if need be.
-- KEYS  1 flow (HASH)   2 flow_keys (SET)
-- ARGV  1 gate   2 key   3 now_ms   4 '1' = a new rate window starts now   5 address of the caller or ''
--       then field, value pairs to set
-- Returns  nothing
-- Refuses nothing. All that waits at the gate tries again.
-- uses: line, flow, flow_use, pause
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], 'parallelism', 0, 'rate', 0, 'period_ms', 1000)
  redis.call('SADD', KEYS[2], ARGV[2])
end
if ARGV[4] == '1' then redis.call('HSET', KEYS[1], 'window_ms', ARGV[3], 'arrived_ms', 0, 'count', 0) end
if #ARGV > 5 then
  local was = redis.call('HGET', KEYS[1], 'paused')
  redis.call('HSET', KEYS[1], unpack(ARGV, 6))
  note_pause(KEYS[1], was, ARGV[3], ARGV[5])
end
flow_keep(ARGV[1])
flow_wake(ARGV[1])
