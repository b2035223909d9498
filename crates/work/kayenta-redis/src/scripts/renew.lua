-- ARGV: id, token, lease in milliseconds
if not held(ARGV[1], ARGV[2]) then return 0 end
redis.call('ZADD', LEASES, now() + tonumber(ARGV[3]), ARGV[1])
return 1
