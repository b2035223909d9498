-- The places a job can be in, and the moves between them. Every queue script begins with this.
-- KEYS: ready, delayed, places, leases, silent, again, dead, suspects
-- A place is "R|entry" (ready), "D" (delayed) or "L|entry|token" (leased).
-- SILENT holds the tokens of a job's leases that ended without a word, one a line: the workers it has lost.
-- SUSPECTS holds, for each process, the job it has a lease on that has lost several.
local READY, DELAYED, PLACES, LEASES, SILENT, AGAIN, DEAD, SUSPECTS =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8]
-- A job that has lost so many workers is leased by a process only while that process has no other such job.
local SINGLED_OUT_AFTER = 2

local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function make_ready(id)
  redis.call('ZREM', DELAYED, id)
  local entry = redis.call('XADD', READY, '*', 'id', id)
  redis.call('HSET', PLACES, id, 'R|' .. entry)
end

local function delay(id, due)
  redis.call('ZADD', DELAYED, due, id)
  redis.call('HSET', PLACES, id, 'D')
end

local function drop_entry(entry)
  redis.call('XACK', READY, 'workers', entry)
  redis.call('XDEL', READY, entry)
end

-- due: milliseconds, 0 for at once
local function place(id, due)
  if due > now() then delay(id, due) else make_ready(id) end
end

local function push(id, due)
  local at = redis.call('HGET', PLACES, id)
  if not at then
    place(id, due)
  elseif at == 'D' then
    if due <= now() then
      make_ready(id)
    elseif due < tonumber(redis.call('ZSCORE', DELAYED, id)) then
      redis.call('ZADD', DELAYED, due, id)
    end
  elseif string.sub(at, 1, 1) == 'L' then
    local wish = redis.call('HGET', AGAIN, id)
    if not wish or due < tonumber(wish) then redis.call('HSET', AGAIN, id, due) end
  end
end

-- How many workers a job has lost.
local function lost(id)
  local _, count = string.gsub(redis.call('HGET', SILENT, id) or '', '\n', '')
  return count
end

local function fall_silent(id, token)
  redis.call('HSET', SILENT, id, (redis.call('HGET', SILENT, id) or '') .. token .. '\n')
end

-- The worker of an ended lease speaks after all: it is not lost.
local function hear_from(id, token)
  local tokens = redis.call('HGET', SILENT, id)
  if not tokens then return end
  local first, last = string.find('\n' .. tokens, '\n' .. token .. '\n', 1, true)
  if not first then return end
  local rest = string.sub(tokens, 1, first - 1) .. string.sub(tokens, last)
  if rest == '' then redis.call('HDEL', SILENT, id) else redis.call('HSET', SILENT, id, rest) end
end

-- The process that a token was given to.
local function process_of(token)
  return string.match(token, '^(.*):') or token
end

-- Another job that has lost several workers and that the process has a lease on, or nil.
local function suspect_beside(id, process)
  local other = redis.call('HGET', SUSPECTS, process)
  if not other or other == id then return nil end
  local token = string.match(redis.call('HGET', PLACES, other) or '', '^L|[^|]*|(.*)$')
  if token and process_of(token) == process then return other end
end

local function end_suspicion(id, token)
  local process = process_of(token)
  if redis.call('HGET', SUSPECTS, process) == id then redis.call('HDEL', SUSPECTS, process) end
end

-- The entry a lease is on, or nil when the token no longer holds it.
local function held(id, token)
  local at = redis.call('HGET', PLACES, id)
  local entry, holder = string.match(at or '', '^L|([^|]*)|(.*)$')
  if holder ~= token then
    hear_from(id, token)
    return nil
  end
  return entry
end

-- Ends a lease and returns the time of a wish made meanwhile, or nil.
local function release(id, entry, token)
  drop_entry(entry)
  redis.call('ZREM', LEASES, id)
  redis.call('HDEL', SILENT, id)
  end_suspicion(id, token)
  redis.call('HDEL', PLACES, id)
  local wish = redis.call('HGET', AGAIN, id)
  redis.call('HDEL', AGAIN, id)
  return wish and tonumber(wish)
end
