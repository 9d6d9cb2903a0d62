import assert from "node:assert/strict";
import { it } from "node:test";
import { readHead, readRun, type RunHead, writeRecord } from "./record.ts";
import { renderResults } from "./results.ts";

const head: RunHead = { channel: "standard", pace: "parallel", atATime: 4, date: "2026-08-28T10:00:00.000Z", contour: "v0.1.0 (abc1234)", gatewayApi: "v1.6.1", kubernetes: "v1.37.2", envoy: "v1.40.0", exitStatus: 1, seconds: 99.5 };

it("a record gives back what was written: the head, and the results without the noise", () => {
  const record = writeRecord(head, "noise\n\u0016--- FAIL: TestConformance/HTTPRouteCORS (1.00s)\nFAIL\n");
  assert.deepEqual(readHead(record), head);
  assert.doesNotMatch(record, /noise/);
  assert.deepEqual(readRun(record, "/does/not/exist"), { channel: "standard", exitStatus: 1, results: [{ outcome: "FAIL", test: "HTTPRouteCORS", part: "", seconds: 1 }] });
});

it("the result page tells counts, and why a run is no success", () => {
  const verdict = { passed: ["A", "B"], failed: ["C"], skipped: [], complaints: ["failed: C"], profiles: [{ name: "GATEWAY-HTTP", core: { reached: 2, of: 3 }, extended: { reached: 0, of: 0 }, features: { reached: 1, of: 2 }, missingFeatures: ["HTTPRouteCORS"] }] };
  const page = renderResults([{ name: "standard-parallel", head, verdict }]);
  assert.match(page, /\| standard \| parallel \(4 at a time\) \| 2026-08-28 \|.*\| 3 \| 2 \| 1 \| 0 \| 100 \| no success \|/);
  assert.match(page, /\| GATEWAY-HTTP \| 2 of 3 \| 0 of 0 \| 1 of 2 \| HTTPRouteCORS \|/);
  assert.match(page, /- failed: C/);
});
