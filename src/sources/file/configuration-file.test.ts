import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parse } from "yaml";
import { parseConfigurationFile } from "#sources/file/configuration-file";
import { configurationKeys } from "#sources/file/configuration-keys";
import { readFileSync } from "node:fs";

const specOf = (text: string): unknown => {
  const found = parseConfigurationFile("contour.yaml", text);
  return found.ok ? (found.value.configuration as unknown as { readonly spec: unknown }).spec : assert.fail(found.error.join("\n"));
};
const problems = (text: string): readonly string[] => {
  const found = parseConfigurationFile("contour.yaml", text);
  return found.ok ? [] : found.error;
};

describe("a configuration file", () => {
  it("says the same as a ContourConfiguration", () => {
    const text = "tls:\n  minimum-protocol-version: 1.3\n  fallback-certificate: { namespace: a, name: b }\ntimeouts: { connect-timeout: 3s }\nrateLimitService: { extensionService: limits/service, domain: d }\ntracing:\n";
    assert.deepEqual(specOf(text), { envoy: { listener: { tls: { minimumProtocolVersion: "1.3" } }, timeouts: { connectTimeout: "3s" } }, httpproxy: { fallbackCertificate: { namespace: "a", name: "b" } }, rateLimitService: { extensionService: { namespace: "limits", name: "service" }, domain: "d" } });
  });
  it("may be empty, or hold nothing but comments", () => {
    assert.deepEqual([specOf(""), specOf("# nothing\n")], [{}, {}]);
  });
  it("tells where a key is that nobody knows, and which was meant", () => {
    assert.deepEqual(problems("tls:\n  minimum-protocol-versoin: '1.3'\n"), ['contour.yaml:2:3: there is no key "tls.minimum-protocol-versoin"; did you mean "minimum-protocol-version"?']);
    assert.deepEqual(problems("timeout: {}\n"), ['contour.yaml:1:1: there is no key "timeout"; did you mean "timeouts"?']);
    assert.match(problems("tls: yes\n")[0] ?? "", /^contour.yaml:1:1: tls has keys of its own: certificates-on-demand-from, cipher-suites,/);
  });
  it("tells of a wrong value by the key that the user wrote", () => {
    assert.match(problems("network:\n  num-trusted-hops: many\n")[0] ?? "", /^contour\.yaml:2:3: network\.num-trusted-hops is "many"/);
    assert.match(problems("rateLimitService: { extensionService: limits }\n").join("\n"), /contour\.yaml:1:21: rateLimitService\.extensionService is "limits"; write namespace\/name/);
    assert.match(problems("debug: loud\n")[0] ?? "", /^contour\.yaml:1:1: debug is "loud"; write true or false/);
    assert.match(problems("a: [\n")[0] ?? "", /^contour\.yaml:\d+:\d+: /);
  });
  it("has an example with every key", () => {
    const text = readFileSync(new URL("../../../examples/configuration/contour.yaml", import.meta.url), "utf8");
    assert.deepEqual(problems(text), []);
    const written = new Set<string>();
    const walk = (value: unknown, path: string): void => {
      if (configurationKeys.has(path)) return void written.add(path);
      if (typeof value === "object" && value !== null) for (const [name, inner] of Object.entries(value)) walk(inner, path === "" ? name : `${path}.${name}`);
    };
    walk(parse(text), "");
    assert.deepEqual([...configurationKeys.keys()].filter((key) => !written.has(key)), []);
  });
});
