-- start(id, lane, claim): give one ready message of a lane a lease and the next attempt number.
-- Returns the row {id, attempt, retried, user, spec, body, ''} and the gate of its flow-control key; or nil when the id
-- is stale (cancelled, already claimed, of another lane: an id in a line is a hint, the record decides) or waits
-- for its trial.
-- claim: {now_ms =, now_iso =, lease_until_ms =, worker =, leases = scores and ids, still to be written,
-- bytes = of bodies that may still be claimed; the message that reaches it is the last one}.
local function start(id, lane, claim)
  local state, origin, attempt, retried, user, spec, body, trail, flow, suspect = read_record(id,
    'state', 'origin', 'attempt', 'retried', 'user', 'spec', 'body', 'trail', 'flow', 'suspect')
  if state ~= 'ready' or origin ~= lane then return nil end
  if suspect and not admit(id, claim.now_ms, claim) then return nil end
  attempt = (tonumber(attempt) or 0) + 1
  local entry = log_append(user, claim.now_ms, id, 'ACTIVE')
  redis.call('HSET', K.job .. id, 'state', 'active', 'status', 'started', 'attempt', attempt,
    'started_at', claim.now_iso, 'worker_name', claim.worker, 'trail', trail .. ' ' .. entry)
  claim.leases[#claim.leases + 1], claim.leases[#claim.leases + 2] = claim.lease_until_ms, id
  claim.bytes = claim.bytes - #(body or '')
  return { id, attempt, tonumber(retried) or 0, user, spec, body or '', '' }, flow
end
