-- forget_leftovers(lane, most): delete the traces of jobs that a stock RQ worker believes finished.
local function forget_leftovers(lane, most)
  for _, id in ipairs(redis.call('ZRANGE', K.finished .. lane, 0, most - 1)) do
    redis.call('UNLINK', K.results .. id)
    redis.call('ZREM', K.finished .. lane, id)
  end
end
