-- promote: move messages whose time has come to their place in line.
-- KEYS  1 due (ZSET)
-- ARGV  1 now_ms   2 most messages
-- Returns  {number promoted, due_ms of the next one or ''}
-- Refuses nothing: an id that is no longer due is only taken off the set, and so is one whose queue
-- was deleted: drain cancels it.
-- uses: line
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
for _, id in ipairs(ids) do
  local state, lane, user = unpack(redis.call('HMGET', K.job .. id, 'state', 'origin', 'user'))
  redis.call('ZREM', KEYS[1], id)
  if state == 'due' and not redis.call('ZSCORE', K.closing .. lane, id) then
    redis.call('HSET', K.job .. id, 'state', 'ready', 'status', 'queued')
    line_join(lane, user, id)
  end
end
return { #ids, redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2] or '' }
