-- Does what the service needs of Redis: writes, reads, and looks whether every key is of its type.
-- KEYS: a key of this process to write, then the others. ARGV: what to write, then the type of each other key.
-- Returns what is wrong, or nothing.
redis.call('SET', KEYS[1], ARGV[1], 'PX', 60000)
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return KEYS[1] .. ' was written and is not there' end
for i = 2, #KEYS do
  local found = redis.call('TYPE', KEYS[i])['ok']
  if found ~= 'none' and found ~= ARGV[i] then
    return 'the key ' .. KEYS[i] .. ' is a ' .. found .. ' instead of a ' .. ARGV[i]
  end
end
return ''
