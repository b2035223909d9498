-- ARGV: id, token, reason
local entry = held(ARGV[1], ARGV[2])
if not entry then return 0 end
local wish = release(ARGV[1], entry, ARGV[2])
redis.call('XADD', DEAD, 'MAXLEN', '~', 10000, '*', 'id', ARGV[1], 'reason', ARGV[3])
if wish then place(ARGV[1], wish) end
return 1
