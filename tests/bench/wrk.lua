-- Sends the requests of a file, in turn. The file has, for each of them, its length, a space and its bytes.
--
--   wrk ... -s wrk.lua URL -- FILE THREADS [LENGTH]
--
-- Each thread takes a share of them of its own, so that no two send the same one at once. With LENGTH, so many in
-- a row belong together, and @SESSION@ in them stands for the session of the last reply that opened one. That
-- needs as many threads as connections.
--
-- wrk starts its clock when all threads have been made, and with as many as connections the first of them have
-- long been at work by then. So with LENGTH each thread notes when its replies came, and what counts is the time
-- during which all were at work. The latencies are of the whole run.
local ffi = require("ffi")
ffi.cdef("typedef struct { long s, ns; } gh_time; int clock_gettime(int, gh_time *);")
local SLICE = 0.02 -- seconds
local STOPPING = 6 -- slices: each thread looks every 100 ms whether it is time to stop
local time = ffi.new("gh_time")
local requests, at = {}, 0
local threads = {}

local function slice_now()
  ffi.C.clock_gettime(1, time)
  return math.floor((tonumber(time.s) + tonumber(time.ns) / 1e9) / SLICE)
end

function setup(thread)
  thread:set("number", #threads)
  threads[#threads + 1] = thread
end

function init(args)
  local file = assert(io.open(args[1], "rb"))
  local row, shares = tonumber(args[3] or 1), tonumber(args[2])
  local position = 0
  for length in function() return file:read("*n") end do
    if math.floor(position / row) % shares == number then
      file:read(1)
      requests[#requests + 1] = file:read(length)
    else
      file:seek("cur", length + 1)
    end
    position = position + 1
  end
  file:close()
  if row == 1 then
    request = function()
      at = at % #requests + 1
      return requests[at]
    end
    return
  end
  local session
  request = function()
    first = first or slice_now()
    at = session and at % #requests + 1 or 1 -- wrk also asks once without sending
    return (requests[at]:gsub("@SESSION@", session or ""))
  end
  replies = {}
  response = function(status, headers)
    session = headers["Mcp-Session-Id"] or headers["mcp-session-id"] or session
    last = slice_now()
    replies[last - first + 1] = (replies[last - first + 1] or 0) + 1
  end
end

-- The replies that came while all threads were at work, and for how long that was.
local function count_together()
  local from, to = 0, 0
  for _, thread in ipairs(threads) do
    if not thread:get("first") then return 0, 0 end -- it never got a connection
    from = math.max(from, thread:get("first") + 1)
    to = math.max(to, (thread:get("last") or 0) - STOPPING)
  end
  local counted = 0
  for _, thread in ipairs(threads) do
    local first, replies = thread:get("first"), thread:get("replies")
    for slice = from, to - 1 do counted = counted + (replies[slice - first + 1] or 0) end
  end
  return counted, math.max(0, to - from) * SLICE
end

function done(summary, latency)
  local errors = summary.errors
  local counted, seconds = summary.requests, summary.duration / 1e6
  if threads[1]:get("replies") then counted, seconds = count_together() end
  io.write(string.format(
    '{"requests":%d,"counted":%d,"bytes":%d,"seconds":%.6f,"p50":%.3f,"p99":%.3f,"max":%.3f,"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}\n',
    summary.requests, counted, summary.bytes, seconds, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3,
    errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end
