-- parse_outcome(at): read the outcome of one attempt from ARGV[at] on; returns it and where the next one begins.
-- ARGV there: id, attempt, outcome (delivered | retry | failed), number of callbacks;
-- if there are any: text that stands for the DLQ id in them, callbacks (messages, see parse);
-- unless it was delivered: due_ms, response (JSON), body. Nearly all are delivered without a callback: four words.
local function parse_outcome(at)
  local outcome = { id = ARGV[at], attempt = ARGV[at + 1], word = ARGV[at + 2], callbacks = {} }
  local count = tonumber(ARGV[at + 3])
  at = at + 4
  if count > 0 then outcome.placeholder, at = ARGV[at], at + 1 end
  for i = 1, count do outcome.callbacks[i], at = parse(at) end
  if outcome.word ~= 'delivered' then
    outcome.due_ms, outcome.response, outcome.body = ARGV[at], ARGV[at + 1], ARGV[at + 2]
    at = at + 3
  end
  return outcome, at
end
