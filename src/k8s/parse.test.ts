import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseObject } from "#k8s/parse";

const proxy = (spec: unknown, metadata: unknown = { name: "web" }): unknown => ({ apiVersion: "projectcontour.io/v1", kind: "HTTPProxy", metadata, spec });

function messages(json: unknown): readonly string[] {
  const result = parseObject(json, { origin: "file" });
  if (result.ok) return [];
  return result.error.kind === "unknown-kind" ? ["unknown kind"] : result.error.errors.map((error) => error.message);
}

describe("parseObject from a file", () => {
  const cases: readonly (readonly [string, unknown, readonly RegExp[]])[] = [
    ["accepts a plain HTTPProxy", proxy({ virtualhost: { fqdn: "a.example.com" }, routes: [{ services: [{ name: "s", port: 80 }] }] }), []],
    ["suggests the nearest field", proxy({ routes: [{ servces: [] }] }), [/unknown field spec\.routes\[0\]\.servces; did you mean "services"\?/]],
    ["says the type that is wanted", proxy({ routes: [{ services: [{ name: "s", port: "80" }] }] }), [/spec\.routes\[0\]\.services\[0\]\.port is "80" \(a text\); write a whole number/]],
    ["names what is missing", proxy({ routes: [{ services: [{ port: 80 }] }] }), [/spec\.routes\[0\]\.services\[0\] lacks "name"/]],
    ["lists what may be chosen", proxy({ routes: [{ services: [{ name: "s", port: 80, protocol: "h3" }] }] }), [/protocol is "h3"; write one of h2, h2c, tls/]],
    ["says the bounds", proxy({ routes: [{ services: [{ name: "s", port: 70000 }] }] }), [/port is 70000; write a number below 65536/]],
    ["checks CEL rules", proxy({ routes: [{ services: [{ name: "s", port: 80, validation: { caSecret: "c", subjectName: "a", subjectNames: ["b"] } }] }] }), [/subjectNames\[0\] must equal subjectName/]],
    ["refuses a name that is no name", proxy({}, { name: "Web_1" }), [/metadata\.name is "Web_1"/]],
    ["refuses names of more than 253 characters", proxy({}, { name: "a".repeat(254) }), [/at most 253/]],
    ["refuses what is no object", "text", [/a Kubernetes object is expected/]],
    ["knows the kinds", { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "x" } }, [/unknown kind/]],
    ["refuses another version", { apiVersion: "projectcontour.io/v2", kind: "HTTPProxy", metadata: { name: "x" }, spec: {} }, [/read in version projectcontour\.io\/v1, not projectcontour\.io\/v2/]],
  ];
  for (const [name, json, expected] of cases) {
    it(name, () => {
      const found = messages(json);
      assert.equal(found.length, expected.length, found.join("\n"));
      for (const [i, pattern] of expected.entries()) assert.match(found[i] ?? "", pattern);
    });
  }
  it("fills in defaults and the namespace", () => {
    const result = parseObject(proxy({ routes: [{ requestRedirectPolicy: {} }] }), { origin: "file" });
    assert.ok(result.ok);
    assert.equal(result.value.metadata.namespace, "default");
    assert.deepEqual((result.value as unknown as { spec: { routes: unknown } }).spec.routes, [{ requestRedirectPolicy: { statusCode: 302 } }]);
  });
  it("merges stringData into data", () => {
    const result = parseObject({ apiVersion: "v1", kind: "Secret", metadata: { name: "s" }, stringData: { a: "text" } }, { origin: "file" });
    assert.ok(result.ok);
    assert.deepEqual((result.value as unknown as { data: unknown }).data, { a: Buffer.from("text").toString("base64") });
  });
});
