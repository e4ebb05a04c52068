-- walk: read entries of a stream until they are as many, or have as many bytes, as one step may.
-- KEYS  1 log (STREAM; that of the dead letters too)
-- ARGV  1 XRANGE or XREVRANGE   2 where it begins   3 where it ends   4 most entries   5 most bytes
-- Returns  {1 if there may be more else 0, {id, {field, value ...}} ...}
-- Refuses nothing, and writes nothing. Entries are read few at a time, so that some more bytes than asked for are held.
local command, from, to, most, bytes = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local FEW = 10 -- the response in one entry may have megabytes
local answer, more = { 0 }, true
while more and #answer <= most and bytes > 0 do
  local wanted = math.min(FEW, most + 1 - #answer)
  local entries = redis.call(command, KEYS[1], from, to, 'COUNT', wanted)
  more = #entries == wanted
  for _, entry in ipairs(entries) do
    if bytes <= 0 then
      more = true
      break
    end
    for _, word in ipairs(entry[2]) do bytes = bytes - #word end
    answer[#answer + 1] = entry
    from = '(' .. entry[1]
  end
end
answer[1] = more and 1 or 0
return answer
