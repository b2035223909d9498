-- Forgets records whose time is over. KEYS: all, unfinished, ended, times. ARGV: tag, most records to forget.
-- Returns how many there were.
local time = redis.call('TIME')
local over = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', time[1] * 1000 + math.floor(time[2] / 1000), 'LIMIT', 0, ARGV[2])
for _, member in ipairs(over) do
  local id, group = string.match(member, '^(.-)\n(.*)$')
  redis.call('DEL', ARGV[1] .. ':record:' .. id)
  redis.call('SREM', KEYS[1], id)
  redis.call('ZREM', KEYS[4], id)
  redis.call('ZREM', ARGV[1] .. ':group:' .. group, id)
  redis.call('ZREM', KEYS[3], member)
end
return #over
