-- What catches errors. Errors of functions that are not Lua's own travel as objects; a script must
-- see the values that they stand for, and nothing where it was killed: what converts an error then
-- raises one. These three are written in Lua because coroutines and levels of errors pass through
-- functions of Lua and of its own libraries alone.
local native, caught, caught_text = ...
local pcall, xpcall, resume = native.pcall, native.xpcall, native.resume
local select, unpack = native.select, native.unpack

local function settle(convert, ok, ...)
  if ok then return ok, ... end
  return ok, convert((...))
end

return
  function(...) return settle(caught_text, pcall(...)) end,
  function(f, handler)
    return settle(caught, xpcall(f, function(e) return handler(caught(e)) end))
  end,
  function(...) return settle(caught, resume(...)) end,
  -- Calls a function with arguments for a library that is not written in Lua; `noted` takes an error
  -- where it is raised. The function is called last, so that no level of errors is one of these lines.
  function(noted, f, ...)
    local count, args = select('#', ...), {...}
    return xpcall(function() return f(unpack(args, 1, count)) end, noted)
  end,
  function(t, k) return t[k] end
