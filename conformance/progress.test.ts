import assert from "node:assert/strict";
import { it } from "node:test";
import { createProgress } from "./progress.ts";

it("one line tells a finished test and the time since it ran, waiting for its turn not counted", () => {
  const said: string[] = [];
  let time = 0;
  const progress = createProgress((line) => said.push(line), () => time);
  const at = (seconds: number, line: string): void => {
    time = seconds * 1000;
    progress(line);
  };
  at(1, "=== RUN   TestConformance/GatewayModifyListeners");
  at(1, "=== PAUSE TestConformance/GatewayModifyListeners");
  at(2, "=== RUN   TestConformance/HTTPRouteWeight");
  at(3, "=== RUN   TestConformance/HTTPRouteWeight/one_part");
  at(4, "--- FAIL: TestConformance/HTTPRouteWeight/one_part (1.00s)");
  at(5, "--- FAIL: TestConformance/HTTPRouteWeight (0.10s)");
  at(5, "--- SKIP: TestConformance/MeshBasic (0.00s)");
  at(10, "=== CONT  TestConformance/GatewayModifyListeners");
  at(12, "--- PASS: TestConformance/GatewayModifyListeners (2.00s)");
  assert.deepEqual(said, ["   1 FAIL HTTPRouteWeight 3.0 s", "   2 PASS GatewayModifyListeners 2.0 s"]);
});
