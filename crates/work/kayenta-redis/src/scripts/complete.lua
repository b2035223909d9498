-- ARGV: id, token
local entry = held(ARGV[1], ARGV[2])
if not entry then return 0 end
local wish = release(ARGV[1], entry, ARGV[2])
if wish then place(ARGV[1], wish) end
return 1
