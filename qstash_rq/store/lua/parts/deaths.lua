-- note_death(id, most): note that the worker of an attempt died, unless it was told to stop. Returns nil, or
-- {id, user, attempt, retried, deaths} of a message that is condemned: its worker died `most` times in a row
-- (0 = never), the last time while the message was on trial. One death less makes it a suspect, which is
-- tried alone (see trial). A message that was cancelled in flight is no case.
-- forgive_death(id, attempt): a worker that was taken for dead lives.
-- The record holds the numbers of the attempts in `deaths`, each followed by a blank.
local function note_death(id, most)
  local state, user, cancel, attempt, retried, worker, deaths = read_record(id,
    'state', 'user', 'cancel', 'attempt', 'retried', 'worker_name', 'deaths')
  if most == 0 or state ~= 'active' or cancel then return nil end
  local left, told = unpack(redis.call('HMGET', K.worker .. (worker or ''), 'death', 'shutdown_requested_date'))
  if left or told then return nil end
  deaths = (deaths or '') .. attempt .. ' '
  local _, count = string.gsub(deaths, ' ', '')
  if count >= most and redis.call('HGET', K.trial, 'id') == id then
    return { id, user, attempt, retried or '0', count }
  end
  redis.call('HSET', K.job .. id, 'deaths', deaths)
  if count >= most - 1 then redis.call('HSET', K.job .. id, 'suspect', '1') end
end

local function forgive_death(id, attempt)
  local deaths = read_record(id, 'deaths')
  local left, found = string.gsub(' ' .. (deaths or ''), ' ' .. attempt .. ' ', ' ')
  if found == 0 then return end
  redis.call('HSET', K.job .. id, 'deaths', string.sub(left, 2))
  redis.call('HDEL', K.job .. id, 'suspect')
end
