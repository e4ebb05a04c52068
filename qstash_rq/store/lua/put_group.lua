-- put_group: write a URL group as it was computed from the version that was read.
-- KEYS  1 group (HASH)   2 group_names (SET)
-- ARGV  1 name   2 version read (0 = it did not exist)   3 now_ms   4 most groups   5 endpoints (JSON), '' = delete the group
--       6 default headers (JSON)
-- Returns  'written' | 'changed' | 'groups_full'
-- Refuses when the group changed since it was read, or a new one would exceed the maximum.
local version = redis.call('HGET', KEYS[1], 'version') or '0'
if version ~= ARGV[2] then return 'changed' end
if ARGV[5] == '' then
  redis.call('DEL', KEYS[1])
  redis.call('SREM', KEYS[2], ARGV[1])
  return 'written'
end
if version == '0' and redis.call('SCARD', KEYS[2]) >= tonumber(ARGV[4]) then return 'groups_full' end
redis.call('HSETNX', KEYS[1], 'created_ms', ARGV[3])
-- A version begins with the time, so that a group made anew is not taken for the one that was read.
redis.call('HSET', KEYS[1], 'version', version == '0' and ARGV[3] or tonumber(version) + 1,
  'updated_ms', ARGV[3], 'endpoints', ARGV[5], 'headers', ARGV[6])
redis.call('SADD', KEYS[2], ARGV[1])
return 'written'
