-- claim: hand ready messages to a worker, each under a lease and with its next attempt number.
-- KEYS  1 ring (LIST)
-- ARGV  1 worker   2 now_ms   3 now as RQ writes it   4 lease_until_ms   5 most messages
--       6 most deliveries in flight over all workers   7 bytes of bodies after which no more are claimed
--       then the lanes of a worker that serves named lanes; none = whatever is on the ring
-- Returns  {'suspended'} | {'full'} | {'claimed', signing keys {user, key ...}, {id, attempt, retried, user, spec, body, rate window} ...}
-- Refuses when `rq suspend` is on, or all workers together are full. Lanes take turns; one that is empty or shut leaves the ring.
-- uses: record, log, line, rate_window, flow_gate, alarm, wake_at, due, trial, start, appetite, passing, queue_gate, flow_lane, gate, bulk, signing
local claim = { worker = ARGV[1], now_ms = ARGV[2], now_iso = ARGV[3], lease_until_ms = ARGV[4], named = #ARGV > 7,
  bytes = tonumber(ARGV[7]), leases = {} }
local TURN = 16 -- messages one lane may give before the next one's turn
local VISITS = 512 -- lanes one call may look at, so that no call takes long

-- refuse
if redis.call('EXISTS', K.suspended) == 1 then return { 'suspended' } end
local room = tonumber(ARGV[6]) - redis.call('ZCARD', K.leases)
if room <= 0 then return { 'full' } end
local most = math.min(tonumber(ARGV[5]), room)

-- write
local rows = {}
-- A lane with a key that somebody ruined has no more to give, and keeps no other from its turn: the worker hears
-- of it from a call that found nothing else.
local function turn(lane)
  local fine, more = pcall(function() return take(lane, math.min(TURN, most - #rows), claim, rows) end)
  if not fine then claim.defect = more end
  return fine and more
end
local function visit_ring()
  local lane = #rows < most and claim.bytes > 0 and redis.call('LPOP', KEYS[1])
  if not lane then return false end
  if turn(lane) then redis.call('RPUSH', KEYS[1], lane) else redis.call('SREM', K.ringed, lane) end
  return true
end

local function visit_named()
  local named, visits, unfinished = {}, 0, {}
  for i = 8, #ARGV do named[#named + 1] = ARGV[i] end
  local most_visits = #named + VISITS
  -- Each millisecond another lane is the first, or one free place would go to the same lane for ever.
  local at = 1 + claim.now_ms % #named
  while #rows < most and claim.bytes > 0 and visits < most_visits and #named > 0 do
    if at > #named then at = 1 end
    local lane = named[at]
    unfinished[lane] = turn(lane)
    if unfinished[lane] then at = at + 1 else table.remove(named, at) end
    visits = visits + 1
  end
  for _, lane in ipairs(named) do
    if unfinished[lane] then lane_wake(lane) end
  end
end

local visits = 0
if claim.named then visit_named() end
while not claim.named and visits < VISITS and visit_ring() do visits = visits + 1 end
bulk('ZADD', K.leases, claim.leases)
if claim.defect and #rows == 0 then error(claim.defect, 0) end
return { 'claimed', keys_of(rows), unpack(rows) }
