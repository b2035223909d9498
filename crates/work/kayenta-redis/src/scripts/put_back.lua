-- ARGV: name of the dead letter
local found = redis.call('XRANGE', DEAD, ARGV[1], ARGV[1])
if #found == 0 then return 0 end
redis.call('XDEL', DEAD, ARGV[1])
push(found[1][2][2], 0)
return 1
