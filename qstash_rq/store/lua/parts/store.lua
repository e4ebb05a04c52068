-- store_all(user, now_ms, messages): write their records, their places, their log entries. messages: see parse.
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
