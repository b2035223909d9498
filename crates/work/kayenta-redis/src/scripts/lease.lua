-- ARGV: lease in milliseconds, then id, entry, token of each job read.
-- Returns the number of deliveries of each, 0 for an entry that is no longer a ready job's and for a job that has to
-- wait as the process has another one that has lost several workers.
local ends = now() + tonumber(ARGV[1])
local counts = {}
for i = 2, #ARGV, 3 do
  local id, entry, token = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  if redis.call('HGET', PLACES, id) == 'R|' .. entry then
    local gone = lost(id)
    local process = process_of(token)
    if gone >= SINGLED_OUT_AFTER and suspect_beside(id, process) then
      drop_entry(entry)
      -- The fewer workers it has lost, the sooner it is looked at again.
      delay(id, now() + 500 * gone)
      table.insert(counts, 0)
    else
      redis.call('HSET', PLACES, id, 'L|' .. entry .. '|' .. token)
      redis.call('ZADD', LEASES, ends, id)
      -- What is pending is what was read and not leased. The entry itself stays until the lease is given up.
      redis.call('XACK', READY, 'workers', entry)
      if gone >= SINGLED_OUT_AFTER then redis.call('HSET', SUSPECTS, process, id) end
      table.insert(counts, gone + 1)
    end
  else
    drop_entry(entry)
    table.insert(counts, 0)
  end
end
return counts
