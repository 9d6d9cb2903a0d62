import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { SuiteFacts } from "./facts.ts";
import type { ResultLine } from "./output.ts";
import { judge, type Report, type Run } from "./verdict.ts";

const facts: SuiteFacts = {
  version: "v1.6.1",
  profiles: [{ name: "GATEWAY-HTTP", core: ["Gateway", "HTTPRoute"], extended: ["HTTPRouteCORS", "HTTPRouteRetry"] }],
  features: [
    { name: "Gateway", channel: "standard", mesh: false }, { name: "HTTPRoute", channel: "standard", mesh: false },
    { name: "HTTPRouteCORS", channel: "standard", mesh: false }, { name: "HTTPRouteRetry", channel: "experimental", mesh: false },
    { name: "Mesh", channel: "standard", mesh: true },
  ],
  tests: [
    { name: "Simple", features: ["Gateway", "HTTPRoute"], parallel: false },
    { name: "Cors", features: ["Gateway", "HTTPRoute", "HTTPRouteCORS"], parallel: true },
    { name: "Retry", features: ["Gateway", "HTTPRoute", "HTTPRouteRetry"], parallel: false },
    { name: "MeshBasic", features: ["Mesh", "HTTPRoute"], parallel: false },
  ],
  images: [],
};
const report = (...supportedFeatures: readonly string[]): Report => ({ date: "2026-08-28", gatewayAPIVersion: "v1.6.1", gatewayAPIChannel: "experimental", profiles: [{ name: "GATEWAY-HTTP", core: { result: "success" }, extended: { result: "success", supportedFeatures } }] });
const line = (outcome: ResultLine["outcome"], test: string, part = ""): ResultLine => ({ outcome, test, part, seconds: 1 });
const skippedMesh = line("SKIP", "MeshBasic");
const whole: Run = { channel: "experimental", exitStatus: 0, report: report("HTTPRouteCORS", "HTTPRouteRetry"), results: [line("PASS", "Simple"), line("PASS", "Cors"), line("PASS", "Retry"), skippedMesh] };

describe("the verdict on a run", () => {
  it("is success where every test of the channel passed and every feature is supported; mesh is out of scope", () => {
    const verdict = judge(facts, whole);
    assert.deepEqual(verdict.complaints, []);
    assert.deepEqual(verdict.passed, ["Cors", "Retry", "Simple"]);
    assert.deepEqual(verdict.profiles, [{ name: "GATEWAY-HTTP", core: { reached: 1, of: 1 }, extended: { reached: 2, of: 2 }, features: { reached: 2, of: 2 }, missingFeatures: [] }]);
  });

  it("asks for no experimental feature where the standard CRDs are installed", () => {
    const results = [line("PASS", "Simple"), line("PASS", "Cors"), line("SKIP", "Retry"), skippedMesh];
    const verdict = judge(facts, { ...whole, channel: "standard", results, report: report("HTTPRouteCORS") });
    assert.deepEqual(verdict.complaints, []);
    assert.deepEqual(verdict.profiles[0]?.features, { reached: 1, of: 1 });
  });

  it("believes a failing line, not the report: that one takes parallel tests for passed", () => {
    const verdict = judge(facts, { ...whole, exitStatus: 1, results: [line("PASS", "Simple"), line("FAIL", "Cors"), line("PASS", "Retry"), skippedMesh] });
    assert.deepEqual(verdict.failed, ["Cors"]);
    assert.deepEqual(verdict.complaints, ["exit status 1", "failed: Cors"]);
    assert.deepEqual(verdict.profiles[0]?.extended, { reached: 1, of: 2 });
  });

  it("takes a test with a failing part for failed", () => {
    const verdict = judge(facts, { ...whole, results: [...whole.results, line("FAIL", "Simple", "a_part")] });
    assert.deepEqual(verdict.failed, ["Simple"]);
  });

  it("names tests that were skipped or never ended, parts that were skipped, and features that the GatewayClass does not claim", () => {
    const verdict = judge(facts, { ...whole, results: [line("PASS", "Simple"), line("SKIP", "Simple", "a_part"), line("SKIP", "Cors"), skippedMesh], report: report("HTTPRouteRetry") });
    assert.deepEqual(verdict.skipped, ["Cors", "Retry"]);
    assert.deepEqual(verdict.complaints, ["did not run: Cors, Retry", "parts that were skipped: Simple/a_part", "GATEWAY-HTTP: unsupported HTTPRouteCORS"]);
  });

  it("is no success without a report, or with one that lacks a profile", () => {
    const { report: _none, ...unreported } = whole;
    assert.deepEqual(judge(facts, unreported).complaints, ["the suite wrote no report"]);
    assert.deepEqual(judge(facts, { ...whole, report: { ...report(), profiles: [] } }).complaints, ["GATEWAY-HTTP is not in the report"]);
  });
});
