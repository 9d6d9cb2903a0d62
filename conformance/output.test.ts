import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { linesOf, logsByTest, parseResults, trimOutput } from "./output.ts";

// As `go test` writes it with -test.v=test2json: "^" stands for the byte before its own lines.
const output = `
^=== RUN   TestConformance
    conformance.go:113: Running conformance tests with:
^=== RUN   TestConformance/GatewayModifyListeners
^=== PAUSE TestConformance/GatewayModifyListeners
^=== RUN   TestConformance/HTTPRouteWeight
^=== RUN   TestConformance/HTTPRouteWeight/Requests_a/b_should_have_a_distribution
    http.go:1: 100 requests
^--- FAIL: TestConformance/HTTPRouteWeight/Requests_a/b_should_have_a_distribution (30.01s)
^=== NAME  TestConformance/HTTPRouteWeight
    apply.go:2: deleting WARNING: no line end^--- FAIL: TestConformance/HTTPRouteWeight (31.50s)
^=== RUN   TestConformance/MeshBasic
    conformance.go:56: Skipping MeshBasic: suite does not support Mesh
^--- SKIP: TestConformance/MeshBasic (0.00s)
^=== CONT  TestConformance/GatewayModifyListeners
    apply.go:3: waiting
^--- PASS: TestConformance/GatewayModifyListeners (2s)
^--- FAIL: TestConformance (99.00s)
^=== NAME  
FAIL
`.replaceAll("^", "\u0016");

describe("the output of the suite", () => {
  it("tells the result of each test and of each part", () => {
    assert.deepEqual(parseResults(output), [
      { outcome: "FAIL", test: "HTTPRouteWeight", part: "Requests_a/b_should_have_a_distribution", seconds: 30.01 },
      { outcome: "FAIL", test: "HTTPRouteWeight", part: "", seconds: 31.5 },
      { outcome: "SKIP", test: "MeshBasic", part: "", seconds: 0 },
      { outcome: "PASS", test: "GatewayModifyListeners", part: "", seconds: 2 },
    ]);
  });

  it("is kept without what tests print", () => {
    const kept = trimOutput(output);
    assert.equal(kept, `--- FAIL: TestConformance/HTTPRouteWeight/Requests_a/b_should_have_a_distribution (30.01s)
--- FAIL: TestConformance/HTTPRouteWeight (31.50s)
--- SKIP: TestConformance/MeshBasic (0.00s)
--- PASS: TestConformance/GatewayModifyListeners (2s)
--- FAIL: TestConformance (99.00s)
FAIL
`);
    assert.deepEqual(parseResults(kept), parseResults(output));
  });

  it("is read the same without marks, as -test.v alone writes it", () => {
    const plain = linesOf(output).join("\n");
    assert.deepEqual(parseResults(plain), parseResults(output));
  });

  it("is parted by test, also where parallel tests take turns", () => {
    const logs = logsByTest(output);
    assert.match(logs.get("GatewayModifyListeners") ?? "", /waiting/);
    assert.match(logs.get("HTTPRouteWeight") ?? "", /100 requests[^]*no line end/);
    assert.doesNotMatch(logs.get("HTTPRouteWeight") ?? "", /waiting|Mesh/);
    assert.match(logs.get("") ?? "", /Running conformance tests/);
  });
});
