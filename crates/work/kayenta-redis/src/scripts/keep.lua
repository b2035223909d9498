-- Moves what is due: delayed jobs whose time has come, jobs whose lease has ended, and entries a process read
-- but did not live to lease. ARGV: lease in milliseconds, most jobs to move.
-- Returns the number moved and the milliseconds until the next one is due, -1 for none.
local lease, most = tonumber(ARGV[1]), tonumber(ARGV[2])
local at, moved = now(), 0
for _, id in ipairs(redis.call('ZRANGEBYSCORE', DELAYED, '-inf', at, 'LIMIT', 0, most)) do
  make_ready(id)
  moved = moved + 1
end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', LEASES, '-inf', at, 'LIMIT', 0, most)) do
  local entry, token = string.match(redis.call('HGET', PLACES, id) or '', '^L|([^|]*)|(.*)$')
  if entry then
    drop_entry(entry)
    fall_silent(id, token)
    end_suspicion(id, token)
  end
  redis.call('ZREM', LEASES, id)
  redis.call('HDEL', AGAIN, id)
  local gone = lost(id)
  if gone >= SINGLED_OUT_AFTER then
    -- Doubled with each further worker, so that a burst of crashes of another cause does not count against it.
    delay(id, at + 1000 * 2 ^ math.min(gone - SINGLED_OUT_AFTER, 5))
  else
    make_ready(id)
  end
  moved = moved + 1
end
if redis.call('EXISTS', READY) == 1 then
  local pending = redis.pcall('XPENDING', READY, 'workers', 'IDLE', lease, '-', '+', 100)
  if not pending.err then
    for _, read in ipairs(pending) do
      local entry = read[1]
      local content = redis.call('XRANGE', READY, entry, entry)
      local id = content[1] and content[1][2][2]
      if id and redis.call('HGET', PLACES, id) == 'R|' .. entry then
        drop_entry(entry)
        make_ready(id)
        moved = moved + 1
      elseif not id then
        redis.call('XACK', READY, 'workers', entry)
      end
    end
  end
end
local soonest = -1
for _, set in ipairs({DELAYED, LEASES}) do
  local first = redis.call('ZRANGE', set, 0, 0, 'WITHSCORES')
  if first[2] then
    local wait = math.max(0, tonumber(first[2]) - at)
    if soonest < 0 or wait < soonest then soonest = wait end
  end
end
return {moved, soonest}
