-- discard: delete dead letters.
-- KEYS  1 dead (STREAM)
-- ARGV  1 user   then DLQ ids
-- Returns  the number deleted
-- Refuses an id that is not there: it is not counted.
-- uses: exhume
local deleted = 0
for i = 2, #ARGV do
  if exhume(ARGV[1], ARGV[i]) then deleted = deleted + 1 end
end
return deleted
