-- How many milliseconds ago the job was due that has waited for longest without a lease; -1 if none is due.
local at = now()
local oldest = nil
-- Entries of leased jobs stay in the stream, usually before all others.
local from = '-'
repeat
  local entries = redis.call('XRANGE', READY, from, '+', 'COUNT', 100)
  for _, entry in ipairs(entries) do
    if redis.call('HGET', PLACES, entry[2][2]) == 'R|' .. entry[1] then
      oldest = tonumber(string.match(entry[1], '^%d+'))
      break
    end
  end
  from = nil
  if #entries > 0 then
    local millis, number = string.match(entries[#entries][1], '^(%d+)-(%d+)$')
    from = string.format('%s-%d', millis, number + 1)
  end
until oldest or not from
-- Due, but not yet moved to the stream.
local first = redis.call('ZRANGE', DELAYED, 0, 0, 'WITHSCORES')
if first[2] and tonumber(first[2]) <= at then oldest = math.min(oldest or at, tonumber(first[2])) end
return oldest and math.max(0, at - oldest) or -1
