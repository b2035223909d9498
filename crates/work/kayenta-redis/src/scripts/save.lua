-- KEYS: all, unfinished, ended, times, record, group.
-- ARGV: id, group, status, has_job, complete, retention, body, version, built, tag, summary, next version, number of
-- parts, then field and text of each part to write; the others stay as they are.
-- Returns the new version, -1 when there is no record, -2 when it has another version.
local known = redis.call('HMGET', KEYS[5], 'version', 'group', 'parts')
local version, group, parts = known[1], known[2], known[3]
if not version then return -1 end
if version ~= ARGV[8] then return -2 end
if group ~= ARGV[2] then
  redis.call('ZREM', ARGV[10] .. ':group:' .. group, ARGV[1])
  redis.call('ZREM', KEYS[3], ARGV[1] .. '\n' .. group)
end
redis.call('ZADD', KEYS[6], ARGV[9], ARGV[1])
redis.call('ZADD', KEYS[4], ARGV[9], ARGV[1])
redis.call('HSET', KEYS[5], 'group', ARGV[2], 'built', ARGV[9], 'status', ARGV[3], 'has_job', ARGV[4], 'body', ARGV[7],
  'summary', ARGV[11], 'version', ARGV[12])
if parts or ARGV[13] ~= '0' then redis.call('HSET', KEYS[5], 'parts', ARGV[13]) end
for i = 14, #ARGV, 2 do redis.call('HSET', KEYS[5], ARGV[i], ARGV[i + 1]) end
for number = tonumber(ARGV[13]), tonumber(parts or '0') - 1 do redis.call('HDEL', KEYS[5], 'part:' .. number) end
if ARGV[5] == '1' then
  local time = redis.call('TIME')
  redis.call('SREM', KEYS[2], ARGV[1])
  redis.call('PEXPIRE', KEYS[5], ARGV[6])
  redis.call('ZADD', KEYS[3], time[1] * 1000 + ARGV[6], ARGV[1] .. '\n' .. ARGV[2])
else
  redis.call('PERSIST', KEYS[5])
  redis.call('ZREM', KEYS[3], ARGV[1] .. '\n' .. ARGV[2])
  redis.call(ARGV[4] == '1' and 'SADD' or 'SREM', KEYS[2], ARGV[1])
end
return tonumber(ARGV[12])
