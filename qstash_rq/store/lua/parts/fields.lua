-- fields(key, name, ...): some fields of a hash as a table; absent ones are absent.
local function fields(key, ...)
  local found, values = {}, redis.call('HMGET', key, ...)
  for i, name in ipairs({ ... }) do found[name] = values[i] or nil end
  return found
end
