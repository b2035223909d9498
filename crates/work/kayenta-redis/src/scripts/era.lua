-- An era begins with an empty Redis. KEYS: era. ARGV: the era this process knows or '', a name for a new one.
-- Returns the era there is now, and the timestamp in milliseconds before which everything is lost, 0 if nothing is.
local name = redis.call('HGET', KEYS[1], 'name')
if not name then
  name = ARGV[2]
  local time = redis.call('TIME')
  redis.call('HSET', KEYS[1], 'name', name, 'began', time[1] * 1000 + math.floor(time[2] / 1000))
end
if ARGV[1] ~= '' and ARGV[1] ~= name then
  redis.call('HSET', KEYS[1], 'lost', redis.call('HGET', KEYS[1], 'began'))
end
return {name, tonumber(redis.call('HGET', KEYS[1], 'lost') or '0')}
