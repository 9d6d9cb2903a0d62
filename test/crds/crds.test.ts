import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { parseObject } from "#k8s/parse";
import type { ApiServer } from "../bed/api-server.ts";
import { startApiServer } from "../bed/api-server.ts";
import type { TestObject } from "../bed/kube-client.ts";
import { contourCrds } from "../kubernetes/serving.ts";
import { casesOf } from "./field-cases.ts";
import type { FieldCase } from "./field-cases.ts";
import { readFieldTable } from "./field-table.ts";

const versions: Readonly<Record<string, readonly [apiVersion: string, plural: string]>> = {
  HTTPProxy: ["projectcontour.io/v1", "httpproxies"],
  TLSCertificateDelegation: ["projectcontour.io/v1", "tlscertificatedelegations"],
  ExtensionService: ["projectcontour.io/v1alpha1", "extensionservices"],
  ContourConfiguration: ["projectcontour.io/v1alpha1", "contourconfigurations"],
  ContourDeployment: ["projectcontour.io/v1alpha1", "contourdeployments"],
};
/** Kinds that this program reads itself. */
const read = new Set(["HTTPProxy", "TLSCertificateDelegation", "ExtensionService", "ContourConfiguration"]);

const proxy = (spec: object): object => ({ apiVersion: "projectcontour.io/v1", kind: "HTTPProxy", metadata: { name: "x", namespace: "default" }, spec });
const jwt = (provider: object): object => proxy({ virtualhost: { fqdn: "a.test", jwtProviders: [{ name: "p", ...provider }] } });
const authorization = (settings: object): object => proxy({ virtualhost: { fqdn: "a.test", authorization: settings } });
const validation = (names: object): object => proxy({ routes: [{ services: [{ name: "s", port: 80, validation: { caSecret: "ca", ...names } }] }] });

/** The rules between fields that the table tells as CEL. */
const rules: readonly (readonly [what: string, taken: boolean, object: object])[] = [
  ["a JWT provider with keys of its own", true, jwt({ localJWKS: { secretName: "k", key: "k" } })],
  ["a JWT provider with keys from two places", false, jwt({ localJWKS: { secretName: "k", key: "k" }, remoteJWKS: { uri: "https://a.test" } })],
  ["a JWT provider without keys", false, jwt({})],
  ["HTTP settings for an HTTP authorization", true, authorization({ serviceType: "http", httpSettings: { pathPrefix: "/a" } })],
  ["HTTP settings for a gRPC authorization", false, authorization({ serviceType: "grpc", httpSettings: { pathPrefix: "/a" } })],
  ["HTTP settings for an authorization of unsaid type", false, authorization({ httpSettings: { pathPrefix: "/a" } })],
  ["a header test with two operators", false, authorization({ serviceType: "http", httpSettings: { allowedAuthorizationHeaders: [{ exact: "a", prefix: "b" }] } })],
  ["a header test without operator", false, authorization({ serviceType: "http", httpSettings: { allowedUpstreamHeaders: [{ ignoreCase: true }] } })],
  ["subject names that begin with the subject name", true, validation({ subjectName: "a", subjectNames: ["a", "b"] })],
  ["subject names that begin with another name", false, validation({ subjectName: "a", subjectNames: ["b", "a"] })],
];

describe("the CRDs in a real API server", { timeout: 240_000 }, () => {
  let api: ApiServer;
  before(async () => {
    api = await startApiServer();
    await api.apply(contourCrds());
    for (const [kind, [apiVersion]] of Object.entries(versions)) await api.pathOf({ apiVersion, kind, metadata: { name: "x" } });
  });
  after(() => api.stop());

  async function isTaken(kind: string, object: object): Promise<{ readonly taken: boolean; readonly message: string }> {
    const [apiVersion = "", plural = ""] = versions[kind] ?? [];
    const { status, body } = await api.request("POST", `/apis/${apiVersion}/namespaces/default/${plural}?dryRun=All&fieldValidation=Strict`, object as TestObject);
    return { taken: status === 201, message: `${status} ${(body as { readonly message?: string }).message ?? ""}` };
  }

  async function wrongOnes(cases: readonly FieldCase[]): Promise<readonly string[]> {
    const wrong: string[] = [];
    const queue = cases.values();
    await Promise.all(Array.from({ length: 16 }, async () => {
      for (const { what, kind, path, object, taken } of queue) {
        const answer = await isTaken(kind, object);
        if (answer.taken !== taken) wrong.push(`${kind} ${path} ${what}: ${answer.taken ? "was taken" : answer.message.slice(0, 300)}`);
        const ours = parseObject(structuredClone(object), { origin: "file" });
        if (read.has(kind) && ours.ok !== answer.taken) wrong.push(`${kind} ${path} ${what}: the API server says ${answer.taken}, we say ${JSON.stringify(ours).slice(0, 300)}`);
      }
    }));
    return wrong.toSorted();
  }

  for (const [kind, tree] of readFieldTable()) {
    it(`take and refuse what the table says about ${kind}, and so do we`, async (t) => {
      const cases = casesOf(kind, versions[kind]?.[0] ?? "", tree);
      assert.ok(cases.length > 10);
      t.diagnostic(`${cases.length} objects`);
      assert.deepEqual(await wrongOnes(cases), []);
    });
  }

  for (const [what, taken, object] of rules) {
    it(`${taken ? "take" : "refuse"} ${what}`, async () => {
      const answer = await isTaken("HTTPProxy", object);
      assert.equal(answer.taken, taken, answer.message);
      assert.equal(parseObject(structuredClone(object), { origin: "file" }).ok, taken);
    });
  }
});
