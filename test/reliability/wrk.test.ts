import assert from "node:assert/strict";
import { it } from "node:test";
import { resultOf } from "./wrk.ts";

const clean = `Running 30s test @ http://127.0.0.1:1/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   812.40us  410.22us  25.91ms   92.11%
    Req/Sec     9.84k   402.11    10.51k    71.00%
  19612 requests in 2.00s, 2.43MB read
Requests/sec:   9801.73
Transfer/sec:      1.21MB
`;

it("what wrk counted is read from its summary, errors included", () => {
  assert.deepEqual(resultOf(clean, 64), { requests: 19_612, connections: 64, failures: [], slowestMs: 26 });
  const failed = resultOf(`${clean}  Socket errors: connect 0, read 3, write 0, timeout 1\n  Non-2xx or 3xx responses: 12\n`, 64);
  assert.deepEqual(failed.failures.map(({ how }) => how), ["3 × read", "1 × timeout", "12 × answer"]);
  assert.throws(() => resultOf("unable to connect", 64), /no summary/);
});
