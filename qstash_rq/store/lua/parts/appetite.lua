-- start_popped(lane, ids, claim, rows): start ids that were popped off a lane's line, until the claim has all the bytes
-- it asked for; those behind go back to the front of the line. Returns whether all were looked at.
local function start_popped(lane, ids, claim, rows)
  for at, id in ipairs(ids) do
    if claim.bytes <= 0 then
      local back = {}
      for last = #ids, at, -1 do back[#back + 1] = ids[last] end
      redis.call('LPUSH', K.queue .. lane, unpack(back))
      return false
    end
    rows[#rows + 1] = start(id, lane, claim)
  end
  return true
end
