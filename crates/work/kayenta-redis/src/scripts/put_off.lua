-- ARGV: id, token, due
local entry = held(ARGV[1], ARGV[2])
if not entry then return 0 end
local due = tonumber(ARGV[3])
local wish = release(ARGV[1], entry, ARGV[2])
if wish and wish < due then due = wish end
place(ARGV[1], due)
return 1
