import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { extensionServiceProblems } from "#conditions/extension-service";
import { gatewayConditions } from "#conditions/gateway";
import { httpProxyProblems } from "#conditions/http-proxy";
import { readFiles } from "#sources/file/read";
import { manifestsOf, readStories } from "./story.ts";

const kinds = ["HTTPProxy", "TLSCertificateDelegation", "ExtensionService"];
const stories = readStories();

/** The fields that an object has, as the table of fields writes them: `spec.routes[].services[].port`. */
function fieldsOf(value: unknown, path: string): readonly string[] {
  if (Array.isArray(value)) return [path, ...value.flatMap((item) => fieldsOf(item, `${path}[]`).filter((field) => field !== `${path}[]`))];
  if (typeof value !== "object" || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, inner]) => fieldsOf(inner, `${path}.${key}`))];
}

describe("the golden stories", () => {
  it("have every field of HTTPProxy, TLSCertificateDelegation and ExtensionService", () => {
    const rows = readFileSync(new URL("../../testdata/compat/crd-fields.tsv", import.meta.url), "utf8").split("\n").slice(1).map((line) => line.split("\t"));
    const wanted = rows.flatMap(([kind = "", field = ""]) => (kinds.includes(kind) && field.startsWith("spec") ? [`${kind} ${field}`] : []));
    const used = new Set(stories.flatMap((story) => readFiles([manifestsOf(story)]).objects.flatMap((object) => ("spec" in object ? fieldsOf(object.spec, "spec").map((field) => `${object.kind} ${field}`) : []))));
    assert.ok(wanted.length > 350);
    assert.deepEqual(wanted.filter((field) => !used.has(field)), []);
  });

  it("have every problem that a status can name", () => {
    const said = new Set(stories.flatMap((story) => [...readFileSync(join(story.folder, "status.yaml"), "utf8").matchAll(/- type: (\w+)\n\s+status: "True"\n\s+reason: (\w+)/g)].map(([, type, reason]) => `${type} ${reason}`)));
    const elsewhere = new Set([
      "EnvoyError RejectedByEnvoy", // needs an Envoy that refuses: extremes.test.ts and refusals.test.ts
      "TLSError CertificateKept", "TLSError CertificateEndsSoon", "TLSError StapleExpired", // need a time and a certificate from before: secret-memory.test.ts and certificate-rotation.test.ts
      "TLSError CertificateRevoked", "TLSError StapleNotValid", // need a responder: ocsp.test.ts
      "ListenerError ErrorIdentifyingListener", // needs HTTPProxies at a Gateway
      // The schema refuses these first; they are for objects that an older one let into a cluster.
      "VirtualHostError FQDNNotSpecified", "AuthError AuthBadAllowedHeader", "JWTVerificationError JWKSSourceConflict", "JWTVerificationError JWKSSourceMissing",
      "JWTVerificationError RemoteJWKSDNSLookupFamilyInvalid", "ServiceError ServicePortInvalid", "ServiceError UnsupportedProtocol",
    ]);
    const all = [...Object.entries(httpProxyProblems), ...Object.entries(extensionServiceProblems)].flatMap(([type, reasons]) => reasons.map((reason) => `${type} ${reason}`));
    assert.deepEqual([...new Set(all)].filter((problem) => !said.has(problem) && !elsewhere.has(problem)), []);
  });

  it("have every reason that a condition of Gateway API can have", () => {
    const said = new Set(stories.flatMap((story) => [...readFileSync(join(story.folder, "status.yaml"), "utf8").matchAll(/- type: (\w+)\n\s+status: "\w+"\n\s+reason: (\w+)/g)].map(([, type, reason]) => `${type} ${reason}`)));
    const elsewhere = new Set([
      "CertificateWarning CertificateKept", "CertificateWarning CertificateEndsSoon", "CertificateWarning StapleExpired", "CertificateWarning CertificateRevoked", "CertificateWarning StapleNotValid", // as above
      "Programmed Pending", // needs Envoys that have not taken a listener yet
      // The schema refuses these first; they are for objects that an older one let into a cluster.
      "Accepted IncompatibleFilters", "PartiallyInvalid IncompatibleFilters", "Accepted UnsupportedAddress",
      // Nothing says these yet.
      "Accepted ParentNotAccepted", "Programmed ParentNotProgrammed", "Accepted TargetNotFound",
    ]);
    const all = Object.values<Readonly<Record<string, readonly string[]>>>(gatewayConditions).flatMap((types) => Object.entries(types).flatMap(([type, reasons]) => reasons.map((reason) => `${type} ${reason}`)));
    assert.deepEqual([...new Set(all)].filter((reason) => !said.has(reason) && !elsewhere.has(reason)), []);
  });
});

describe("stories that count", () => {
  it("first send a request that may be repeated until Envoy's threads have taken over", () => {
    const hasty = stories.filter(({ requests }) => requests[0]?.statuses !== undefined);
    assert.deepEqual(hasty.map(({ name }) => name), []);
  });
});
