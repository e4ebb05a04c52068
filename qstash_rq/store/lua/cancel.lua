-- cancel: cancel messages of one user.
-- KEYS  1 due (ZSET)
-- ARGV  1 now_ms   2 now as RQ writes it   3 keep_ms of the record   4 user   then message ids
-- Returns  a word for each id: canceled | requested | gone
-- Refuses an id that is unknown, another user's, terminal or cancelled before: gone.
-- uses: record, log, line, flow, flow_use, message, finish, cancel
local times = { now_ms = ARGV[1], now_iso = ARGV[2], keep_ms = ARGV[3] }
local words = {}
for i = 5, #ARGV do words[#words + 1] = cancel_one(ARGV[i], ARGV[4], times) end
return words
