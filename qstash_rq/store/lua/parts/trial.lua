-- admit(id, now_ms, claim): let a suspect be delivered, on trial, unless another one is on trial; returns
-- whether it may. One that may not is set aside and due again soon.
-- A trial lasts until the attempt ends, but keeps others waiting no longer than this.
local TRIAL_MS = 10000
local ASIDE_MS = 100

local function admit(id, now_ms, claim)
  local other, began_ms = unpack(redis.call('HMGET', K.trial, 'id', 'began_ms'))
  if other and other ~= id and tonumber(now_ms) < tonumber(began_ms) + TRIAL_MS then
    local state, suspect = read_record(other, 'state', 'suspect')
    if state == 'active' and suspect then
      claim.aside = (claim.aside or 0) + 1
      redis.call('HSET', K.job .. id, 'state', 'due', 'status', 'scheduled')
      due_add(id, string.format('%.0f', tonumber(now_ms) + ASIDE_MS * claim.aside))
      return false
    end
  end
  redis.call('HSET', K.trial, 'id', id, 'began_ms', now_ms)
  return true
end
