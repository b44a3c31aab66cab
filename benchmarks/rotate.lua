-- For wrk: posts the lines of a file, one after the other and again, and reports one line of JSON.
-- wrk ... -s rotate.lua ADDRESS -- PATH FILE

local requests, count, turn = {}, 0, 0

function init(arguments)
  local headers = { ["Content-Type"] = "application/json", ["Host"] = "localhost" }
  for body in io.lines(arguments[2]) do
    count = count + 1
    requests[count] = wrk.format("POST", arguments[1], headers, body)
  end
end

function request()
  turn = turn % count + 1
  return requests[turn]
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    'RESULT {"requests": %d, "seconds": %f, "median_ms": %f, "p99_ms": %f, "errors": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, e.connect + e.read + e.write + e.status + e.timeout))
end
