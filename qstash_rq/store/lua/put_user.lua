-- put_user: add a user, replace tokens, or bring the first user in line with the settings.
-- KEYS  1 users (SET)   2 user (HASH)   3 configured (HASH)
-- ARGV  1 user   2 mode: add | change | configure   3 digest of the token   4 digest of the read-only token
--       5 current signing key   6 next signing key   7 digest of what was configured; '' = keep, anywhere
-- Returns  'written' | 'exists' | 'gone' | 'unchanged'
-- Refuses to add a user that exists, to change one that does not, and to configure what was
-- configured before: keys rotated and tokens replaced since then stay. Configuring something else ends
-- the tokens that were configured before, whoever they stood for.
local exists = redis.call('EXISTS', KEYS[2]) == 1
local configures = ARGV[2] == 'configure'
if ARGV[2] == 'add' and exists then return 'exists' end
if ARGV[2] == 'change' and not exists then return 'gone' end
if configures and exists and redis.call('HGET', KEYS[3], 'digest') == ARGV[7] then return 'unchanged' end

local digests = { token = ARGV[3], readonly_token = ARGV[4] }
-- Old tokens go before a new one comes: the two may have changed places.
for field, digest in pairs(digests) do
  local old = digest ~= '' and redis.call('HGET', KEYS[2], field)
  if old then redis.call('DEL', K.token .. old) end
  local before = configures and redis.call('HGET', KEYS[3], field)
  local owner = before and K.user .. redis.call('HGET', KEYS[3], 'user')
  -- One that was replaced since it was configured has ended; what stands in its place is not of the settings.
  if before and redis.call('HGET', owner, field) == before then
    redis.call('DEL', K.token .. before)
    redis.call('HDEL', owner, field)
  end
end
if configures then
  redis.call('DEL', KEYS[3])
  redis.call('HSET', KEYS[3], 'user', ARGV[1], 'digest', ARGV[7])
end
for field, digest in pairs(digests) do
  if digest ~= '' then
    redis.call('HSET', KEYS[2], field, digest)
    redis.call('HSET', K.token .. digest, 'user', ARGV[1], 'read_only', field == 'token' and 0 or 1)
    if configures then redis.call('HSET', KEYS[3], field, digest) end
  end
end
redis.call('SADD', KEYS[1], ARGV[1])
-- The user's own lane is a queue that `rq info` always lists, and its workers with it.
redis.call('SADD', K.queues, K.queue .. ARGV[1])
for i, field in ipairs({ 'current', 'next' }) do
  if ARGV[4 + i] ~= '' then redis.call('HSET', KEYS[2], field, ARGV[4 + i]) end
end
return 'written'
