-- KEYS: all, unfinished, ended, times, record. ARGV: id, tag
local group = redis.call('HGET', KEYS[5], 'group')
redis.call('DEL', KEYS[5])
redis.call('SREM', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[4], ARGV[1])
redis.call('SREM', KEYS[2], ARGV[1])
if group then
  redis.call('ZREM', ARGV[2] .. ':group:' .. group, ARGV[1])
  redis.call('ZREM', KEYS[3], ARGV[1] .. '\n' .. group)
end
return 1
