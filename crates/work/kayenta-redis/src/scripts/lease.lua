-- ARGV: lease in milliseconds, then id, entry, token of each job read.
-- Returns the number of deliveries of each, 0 for an entry that is no longer a ready job's.
local ends = now() + tonumber(ARGV[1])
local counts = {}
for i = 2, #ARGV, 3 do
  local id, entry, token = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  if redis.call('HGET', PLACES, id) == 'R|' .. entry then
    redis.call('HSET', PLACES, id, 'L|' .. entry .. '|' .. token)
    redis.call('ZADD', LEASES, ends, id)
    table.insert(counts, redis.call('HINCRBY', DELIVERIES, id, 1))
  else
    drop_entry(entry)
    table.insert(counts, 0)
  end
end
return counts
