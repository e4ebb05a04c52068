-- explain: read everything that a message may wait for, as it is at one moment.
-- KEYS  1 record (HASH)
-- ARGV  1 message id   2 user   3 most holders and workers to name   4 most places of a line to count
--       5 RQ queue of workers that serve every lane
-- Returns  '' | what was found, as JSON (see store/explain_scripts.py)
-- Refuses a message that is unknown or another user's: ''. Writes nothing.
-- uses: line, fields, holders, serving, rate_window
local id, user, most, places = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local message = fields(KEYS[1], 'user', 'state', 'origin', 'attempt', 'retried', 'cancel', 'ended_ms', 'dlq_id',
  'flow', 'worker_name', 'started_at', 'trail', 'lingers', 'spec', 'suspect', 'deaths')
if message.user ~= user then return '' end
local lane, trail = message.origin, message.trail
message.trail = nil

local function last_error()
  local found
  -- The last records of a trail: one of them tells of the last failed attempt, if there was one.
  for entry in string.gmatch(string.sub(trail, -160), '%d+%-%d+') do
    local row = redis.call('XRANGE', K.log .. user, entry, entry)[1]
    if row and row[2][4] == 'ERROR' then found = row[2][6] end
  end
  return found
end

local function in_line(line)
  return { length = redis.call('LLEN', line), before = redis.call('LPOS', line, id, 'MAXLEN', places) or nil }
end

local found = {
  message = message, error = last_error(), lane = lane,
  due_ms = redis.call('ZSCORE', K.due, id) or nil, lease_until_ms = redis.call('ZSCORE', K.leases, id) or nil,
  suspended = redis.call('EXISTS', K.suspended) == 1, in_flight = redis.call('ZCARD', K.leases),
  beat_ms = redis.call('GET', K.beat) or nil, workers = serving({ lane, ARGV[5] }, most),
  line = in_line(K.queue .. lane), trial = redis.call('HGET', K.trial, 'id') or nil,
}
if message.lingers then found.callbacks = redis.call('SRANDMEMBER', K.callbacks .. id, most) end
if is_queue(lane) then
  found.queue = fields(K.lane .. lane, 'parallelism', 'paused', 'paused_ms', 'paused_ip')
  found.queue.before = redis.call('ZRANK', K.members .. lane, id) or nil
  found.queue.held = redis.call('SCARD', K.slots .. lane)
  found.queue.holds = redis.call('SISMEMBER', K.slots .. lane, id) == 1
  found.queue.closing = redis.call('ZSCORE', K.closing .. lane, id) and true or nil
  found.queue.holders = holders(K.slots .. lane, most)
end
local gate = message.flow
if gate then
  local flow = fields(K.flow .. gate, 'parallelism', 'rate', 'period_ms', 'window_ms', 'arrived_ms', 'count', 'paused',
    'paused_ms', 'paused_ip', 'pin_parallelism', 'pin_rate')
  flow.ends_ms = window_end(flow.window_ms, flow.arrived_ms, tonumber(flow.period_ms) or 0)
  found.flow = flow
  flow.held, flow.holders = redis.call('SCARD', K.slots .. gate), holders(K.slots .. gate, most)
  flow.wakes_ms = redis.call('ZSCORE', K.wakes, gate) or nil
  flow.turns = redis.call('ZRANK', K.waiters .. gate, lane) or nil
end
return cjson.encode(found)
