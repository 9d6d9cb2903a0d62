-- Milliseconds that each connection waits before a request: the load is bounded, the machine is shared.
function delay()
  return 5
end
