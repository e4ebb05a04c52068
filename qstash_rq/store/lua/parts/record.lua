-- read_record(id, field, ...): return fields of a message's record. What somebody put in the place of one is no record:
-- it has none of them, like one that was deleted, so that it costs its own message alone. The sweep tells of it.
local function read_record(id, ...) return unpack(redis.pcall('HMGET', K.job .. id, ...)) end
