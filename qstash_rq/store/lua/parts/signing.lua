-- keys_of(rows): return the current signing keys of the users among claimed rows, {user, key ...}.
local function keys_of(rows)
  local keys, known = {}, {}
  for _, row in ipairs(rows) do
    local user = row[4]
    if not known[user] then
      known[user] = true
      keys[#keys + 1] = user
      keys[#keys + 1] = redis.call('HGET', K.user .. user, 'current') or ''
    end
  end
  return keys
end
