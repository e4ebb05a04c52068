-- put_user: add a user, replace tokens, or bring the first user in line with the settings.
-- KEYS  1 users (SET)   2 user (HASH)
-- ARGV  1 user   2 mode: add | change | configure   3 digest of the token   4 digest of the read-only token
--       5 current signing key   6 next signing key   7 digest of what was configured; '' = keep, anywhere
-- Returns  'written' | 'exists' | 'gone' | 'unchanged'
-- Refuses to add a user that exists, to change one that does not, and to configure what was
-- configured before: keys rotated and tokens replaced since then stay.
local exists = redis.call('EXISTS', KEYS[2]) == 1
if ARGV[2] == 'add' and exists then return 'exists' end
if ARGV[2] == 'change' and not exists then return 'gone' end
if ARGV[2] == 'configure' and redis.call('HGET', KEYS[2], 'configured') == ARGV[7] then return 'unchanged' end

-- Both old tokens go before a new one comes: the two may have changed places.
local digests = { token = ARGV[3], readonly_token = ARGV[4] }
for field, digest in pairs(digests) do
  local old = digest ~= '' and redis.call('HGET', KEYS[2], field)
  if old then redis.call('DEL', K.token .. old) end
end
for field, digest in pairs(digests) do
  if digest ~= '' then
    redis.call('HSET', KEYS[2], field, digest)
    redis.call('HSET', K.token .. digest, 'user', ARGV[1], 'read_only', field == 'token' and 0 or 1)
  end
end
redis.call('SADD', KEYS[1], ARGV[1])
-- The user's own lane is a queue that `rq info` always lists, and its workers with it.
redis.call('SADD', K.queues, K.queue .. ARGV[1])
for i, field in ipairs({ 'current', 'next', 'configured' }) do
  if ARGV[4 + i] ~= '' then redis.call('HSET', KEYS[2], field, ARGV[4 + i]) end
end
return 'written'
