-- parse(at): read one message from ARGV; returns it and where the next one begins.
-- A message is: id, lane, due_ms (0 = at once), created_at and timeout as RQ has them, spec (JSON), body or '', source or
-- '', gate of its flow-control key or '', and after a gate the key's parallelism, rate (0 = none) and period_ms.
-- store_all(user, now_ms, messages): write their records, their places, their log entries.
local function parse(at)
  local message = {
    id = ARGV[at], lane = ARGV[at + 1], due_ms = tonumber(ARGV[at + 2]), created_at = ARGV[at + 3],
    timeout = ARGV[at + 4], spec = ARGV[at + 5], body = ARGV[at + 6], source = ARGV[at + 7], flow = ARGV[at + 8],
  }
  if message.flow == '' then return message, at + 9 end
  message.parallelism, message.rate, message.period_ms = ARGV[at + 9], ARGV[at + 10], ARGV[at + 11]
  return message, at + 12
end

local function queue_make(lane, user, now_ms)
  redis.call('HSET', K.lane .. lane, 'parallelism', 1, 'paused', 0, 'created_ms', now_ms, 'updated_ms', now_ms)
  redis.call('SADD', K.queue_names .. user, string.sub(lane, #user + 2))
end

local function record_write(user, message, waits, trail)
  local record = { 'user', user, 'origin', message.lane, 'trail', trail, 'spec', message.spec,
    'state', waits and 'due' or 'ready', 'status', waits and 'scheduled' or 'queued',
    'created_at', message.created_at, 'timeout', message.timeout, 'data', string.format(RQ.data, message.id),
    'result_ttl', RQ.result_ttl, 'retries_left', RQ.retries_left, 'enqueue_at_front_on_retry', RQ.front }
  for _, name in ipairs({ 'body', 'source', 'flow' }) do
    if message[name] ~= '' then record[#record + 1], record[#record + 2] = name, message[name] end
  end
  redis.call('HSET', K.job .. message.id, unpack(record))
end

-- Its place among the living and in line is written by store_all.
local function store(user, now_ms, message, waits)
  local id, lane = message.id, message.lane
  if is_queue(lane) and redis.call('EXISTS', K.lane .. lane) == 0 then queue_make(lane, user, now_ms) end
  local trail = log_append(user, now_ms, id, 'CREATED', 'n', waits and message.due_ms or '')
  record_write(user, message, waits, trail)
  if message.flow ~= '' then
    flow_join(message.flow, id, user, message.parallelism, message.rate, message.period_ms)
  end
  if waits then
    if is_queue(lane) then redis.call('ZADD', K.members .. lane, DELAYED_PLACE, id) end
    due_add(id, message.due_ms)
  end
end

local function store_all(user, now_ms, messages)
  local living, lanes, joining = {}, {}, {}
  for _, message in ipairs(messages) do
    local id, lane, waits = message.id, message.lane, message.due_ms > tonumber(now_ms)
    store(user, now_ms, message, waits)
    living[#living + 1], living[#living + 2] = now_ms, id
    if not waits then
      if not joining[lane] then joining[lane], lanes[#lanes + 1] = {}, lane end
      table.insert(joining[lane], id)
    end
  end
  bulk('ZADD', K.live .. user, living)
  for _, lane in ipairs(lanes) do line_join(lane, joining[lane]) end
end
