-- parse(at): read one message from ARGV; returns it and where the next one begins.
-- A message is: id, lane, due_ms (0 = at once), created_at and timeout as RQ has them, spec (JSON), body or '', source or
-- '', gate of its flow-control key or '', and after a gate the key's parallelism, rate (0 = none) and period_ms.
-- parse_all(at): read the messages of one publish or tick; returns them and where the next ones begin. They are their
-- number, if there are several the body that all of them have or '' (theirs is '' then), and each of them.
local function parse(at)
  local message = {
    id = ARGV[at], lane = ARGV[at + 1], due_ms = tonumber(ARGV[at + 2]), created_at = ARGV[at + 3],
    timeout = ARGV[at + 4], spec = ARGV[at + 5], body = ARGV[at + 6], source = ARGV[at + 7], flow = ARGV[at + 8],
  }
  if message.flow == '' then return message, at + 9 end
  message.parallelism, message.rate, message.period_ms = ARGV[at + 9], ARGV[at + 10], ARGV[at + 11]
  return message, at + 12
end

local function parse_all(at)
  local messages, count, body = {}, tonumber(ARGV[at]), ''
  at = at + 1
  if count > 1 then body, at = ARGV[at], at + 1 end
  for i = 1, count do
    messages[i], at = parse(at)
    if body ~= '' then messages[i].body = body end
  end
  return messages, at
end
