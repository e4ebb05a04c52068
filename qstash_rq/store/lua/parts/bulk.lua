-- bulk(command, key, words): run a command with many words. In few calls, because one from Lua costs the server about
-- 2 microseconds; not in a single one, because Lua unpacks no more than 8000 words.
local BULK = 1000 -- even: scores and members stay together

local function bulk(command, key, words)
  for at = 1, #words, BULK do
    redis.call(command, key, unpack(words, at, math.min(at + BULK - 1, #words)))
  end
end
