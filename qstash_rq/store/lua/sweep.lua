-- sweep: put messages that a stock RQ worker popped and lost back into the lines that keep no members, and find
-- those whose record somebody deleted.
-- KEYS  1 live (ZSET)
-- ARGV  1 user   2 created before, in ms   3 number of living messages to pass over   4 most to look at
-- Returns  {number looked at, number put back, ids whose record is gone, those of them where something else stands}
-- Refuses a message in a long line that is as young as the line's head: it stands behind it.
-- uses: record, line, leftovers
local lines, gone, ruined, put_back = {}, {}, {}, 0
forget_leftovers(ARGV[1], tonumber(ARGV[4]))

-- read
local function line_of(lane)
  if not lines[lane] then
    local head = redis.call('LINDEX', K.queue .. lane, 0)
    local head_ms = head and tonumber(redis.call('ZSCORE', KEYS[1], head) or 0) or math.huge
    lines[lane] = { head_ms = head_ms, short = redis.call('LLEN', K.queue .. lane) <= 1000, lost = {} }
  end
  return lines[lane]
end

local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[2], 'WITHSCORES', 'LIMIT', ARGV[3], ARGV[4])
for i = 1, #ids, 2 do
  local id, created_ms = ids[i], tonumber(ids[i + 1])
  local state, lane = read_record(id, 'state', 'origin')
  if not state then
    gone[#gone + 1] = id
    if redis.call('EXISTS', K.job .. id) == 1 then ruined[#ruined + 1] = id end
  end
  if state == 'ready' and not is_queue(lane) then
    local line = line_of(lane)
    -- A retried one stands behind younger ones: in a long line it may get a second id, which claim drops.
    if (line.short or created_ms < line.head_ms) and not redis.call('LPOS', K.queue .. lane, id, 'MAXLEN', 1000) then
      table.insert(line.lost, 1, id)
    end
  end
end

-- write
for lane, line in pairs(lines) do
  for _, id in ipairs(line.lost) do redis.call('LPUSH', K.queue .. lane, id) end
  put_back = put_back + #line.lost
  lane_wake(lane)
end
return { #ids / 2, put_back, gone, ruined }
