-- KEYS: all, unfinished, ended, times, record, group.
-- ARGV: id, group, status, built, has_job, complete, retention, body, summary, number of parts, then field and text of
-- each part
if redis.call('EXISTS', KEYS[5]) == 1 then return 0 end
redis.call('HSET', KEYS[5], 'group', ARGV[2], 'status', ARGV[3], 'built', ARGV[4], 'has_job', ARGV[5], 'body', ARGV[8],
  'version', 1, 'summary', ARGV[9])
if ARGV[10] ~= '0' then redis.call('HSET', KEYS[5], 'parts', ARGV[10]) end
for i = 11, #ARGV, 2 do redis.call('HSET', KEYS[5], ARGV[i], ARGV[i + 1]) end
redis.call('SADD', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[6], ARGV[4], ARGV[1])
redis.call('ZADD', KEYS[4], ARGV[4], ARGV[1])
local time = redis.call('TIME')
if ARGV[6] == '1' then
  redis.call('PEXPIRE', KEYS[5], ARGV[7])
  redis.call('ZADD', KEYS[3], time[1] * 1000 + ARGV[7], ARGV[1] .. '\n' .. ARGV[2])
elseif ARGV[5] == '1' then
  redis.call('SADD', KEYS[2], ARGV[1])
end
return 1
