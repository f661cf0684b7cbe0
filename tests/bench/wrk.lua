-- Sends the requests of a file, in turn. The file has, for each of them, its length, a space and its bytes.
--
--   wrk ... -s wrk.lua URL -- FILE THREADS [LENGTH]
--
-- Each thread takes a share of them of its own, so that no two send the same one at once. With LENGTH, so many in
-- a row belong together, and @SESSION@ in them stands for the session of the last reply that opened one. That
-- needs as many threads as connections.
local requests, at = {}, 0
local threads = 0

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

function init(args)
  local file = assert(io.open(args[1], "rb"))
  local row, shares = tonumber(args[3] or 1), tonumber(args[2])
  local position = 0
  for length in function() return file:read("*n") end do
    file:read(1)
    local bytes = file:read(length)
    if math.floor(position / row) % shares == number then requests[#requests + 1] = bytes end
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
    at = session and at % #requests + 1 or 1 -- wrk also asks once without sending
    return (requests[at]:gsub("@SESSION@", session or ""))
  end
  response = function(status, headers)
    session = headers["Mcp-Session-Id"] or headers["mcp-session-id"] or session
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"bytes":%d,"seconds":%.6f,"p50":%.3f,"p99":%.3f,"max":%.3f,"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}\n',
    summary.requests, summary.bytes, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3,
    errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end
