-- promote: move messages whose time has come to their place in line, and wake the lanes of
-- flow-control gates whose rate window has ended.
-- KEYS  1 due (ZSET)   2 wakes (ZSET)
-- ARGV  1 now_ms   2 most messages
-- Returns  {number moved, ms of the next one or ''}
-- Refuses nothing: an id that is no longer due is only taken off the set, and so is one whose queue
-- was deleted: drain cancels it.
-- uses: record, line, flow, bulk, join
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
local moving, lanes, joining = {}, {}, {}

-- read
for _, id in ipairs(ids) do
  local state, lane = read_record(id, 'state', 'origin')
  local closed = state == 'due' and is_queue(lane) and redis.call('ZSCORE', K.closing .. lane, id)
  if state == 'due' and not closed then
    moving[#moving + 1] = id
    if not joining[lane] then joining[lane], lanes[#lanes + 1] = {}, lane end
    table.insert(joining[lane], id)
  end
end

-- write
-- Together, not one by one: a call of this script keeps claims waiting, 20,000 messages due at once made up 40 of them.
-- And first: a server that is out of memory refuses a script whose first write may take some.
bulk('ZREM', KEYS[1], ids)
for _, id in ipairs(moving) do redis.call('HSET', K.job .. id, 'state', 'ready', 'status', 'queued') end
for _, lane in ipairs(lanes) do line_join(lane, joining[lane]) end

local gates = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
for _, gate in ipairs(gates) do
  redis.call('ZREM', KEYS[2], gate)
  flow_wake(gate)
end

local due_ms = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2]
local wake_ms = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2]
if due_ms and wake_ms then due_ms = math.min(tonumber(due_ms), tonumber(wake_ms)) end
local next_ms = due_ms or wake_ms
return { math.max(#ids, #gates), next_ms and string.format('%.0f', tonumber(next_ms)) or '' }
