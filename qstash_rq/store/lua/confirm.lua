-- confirm: tell gates of flow-control keys by when an endpoint had the first request of a rate window.
-- KEYS  1 wakes (ZSET)
-- ARGV  then for each window: gate, when it began in ms, when a request of it had arrived in ms
-- Returns  nothing
-- Refuses a window that is over: another one has begun since. Of several requests the earliest counts.
-- uses: rate_window, alarm, wake_at
for i = 1, #ARGV, 3 do
  local gate, began_ms = ARGV[i], ARGV[i + 1]
  local window_ms, arrived_ms, period_ms =
    unpack(redis.call('HMGET', K.flow .. gate, 'window_ms', 'arrived_ms', 'period_ms'))
  -- Never before it was claimed: the clocks of two machines differ.
  local at_ms = math.max(tonumber(ARGV[i + 2]), tonumber(began_ms))
  local known_ms = tonumber(arrived_ms) or 0
  if window_ms == began_ms and (known_ms == 0 or at_ms < known_ms) then
    redis.call('HSET', K.flow .. gate, 'arrived_ms', at_ms)
    if redis.call('ZSCORE', KEYS[1], gate) then
      wake_at(gate, window_end(window_ms, at_ms, tonumber(period_ms)))
    end
  end
end
