import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { Controller } from "#app/controller";
import { resources } from "#app/resources";
import { Secret as EnvoySecret } from "#gen/envoy/envoy/extensions/transport_sockets/tls/v3/secret";
import { parseObject } from "#k8s/parse";
import type { KubeObject } from "#k8s/object";
import { refOf } from "#k8s/object";
import { defaultEnvoySettings } from "#settings/envoy";
import { defaultSettings } from "#settings/settings";
import type { DesiredStatus } from "#translate/facts";

const folder = new URL("../../testdata/certificates/odd/", import.meta.url);
const read = (file: string): string => readFileSync(new URL(file, folder), "utf8");
const object = (value: object): KubeObject => {
  const parsed = parseObject({ ...value, metadata: { namespace: "default", ...(value as { metadata: object }).metadata } }, { origin: "cluster" });
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return parsed.value;
};
const secret = (certificate: string, more: { readonly key?: string; readonly uid?: string } = {}): KubeObject =>
  object({ apiVersion: "v1", kind: "Secret", metadata: { name: "web", uid: more.uid ?? "first" }, type: "kubernetes.io/tls", data: { "tls.crt": Buffer.from(read(`${certificate}.crt`)).toString("base64"), "tls.key": Buffer.from(more.key ?? read(`${certificate}.key`)).toString("base64") } });
const proxy = object({ apiVersion: "projectcontour.io/v1", kind: "HTTPProxy", metadata: { name: "web", generation: 1 }, spec: { virtualhost: { fqdn: "odd.example.com", tls: { secretName: "web" } }, routes: [{ directResponsePolicy: { statusCode: 200 } }] } });

const [today, year2100] = [Date.UTC(2026, 10, 29), Date.UTC(2100, 0, 2)];

/** A controller with a clock that stands still, and what is served and said. */
class Scene {
  now = today;
  status: DesiredStatus | undefined;
  changes = 0;
  readonly controller = new Controller({
    settings: defaultSettings, envoySettings: defaultEnvoySettings, clock: () => this.now,
    onChange: ({ statuses, resources: changed }) => {
      this.status = statuses.find(({ kind }) => kind === "HTTPProxy") ?? this.status;
      this.changes += changed.get("lds")?.size ?? 0;
    },
  });

  constructor(...objects: readonly KubeObject[]) {
    this.controller.open();
    this.put(proxy, ...objects);
  }

  put(...objects: readonly KubeObject[]): void {
    this.controller.apply(objects.map((one) => ({ type: "upsert", object: one })));
  }

  remove(one: KubeObject): void {
    this.controller.apply([{ type: "delete", ref: refOf(one) }]);
  }

  at(time: number): void {
    this.now = time;
    this.controller.tick();
  }

  /** The common name of the certificate that Envoy has. */
  get served(): string | undefined {
    const [bytes] = this.controller.pipeline.graph.items(resources.sds, "default/web");
    const type = bytes === undefined ? undefined : EnvoySecret.decode(bytes).type;
    const chain = type?.$case === "tlsCertificate" && type.value.certificateChain?.specifier?.$case === "inlineBytes" ? type.value.certificateChain.specifier.value : undefined;
    return chain === undefined ? undefined : new X509Certificate(chain).subject?.replace("CN=", "");
  }

  /** Reasons of errors and warnings, and the texts of them. */
  get told(): { readonly reasons: readonly string[]; readonly text: string } {
    const [condition] = this.status?.status["conditions"] as readonly { readonly errors?: readonly { reason: string; message: string }[]; readonly warnings?: readonly { reason: string; message: string }[] }[];
    const all = [...(condition?.errors ?? []), ...(condition?.warnings ?? [])];
    return { reasons: all.map(({ reason }) => reason), text: all.map(({ message }) => message).join("\n") };
  }
}

describe("a Secret that is changed to something that cannot be served", () => {
  it("keeps its last good certificate in service, without a moment in between, and says so", () => {
    const scene = new Scene(secret("p-256"));
    assert.deepEqual([scene.served, scene.told.reasons], ["p-256", []]);
    const before = scene.changes;
    scene.put(secret("p-384", { key: read("p-256.key") }));
    assert.equal(scene.served, "p-256");
    assert.deepEqual(scene.told.reasons, ["CertificateKept"]);
    assert.match(scene.told.text, /does not belong to the certificate .*The certificate that it had before is served until it ends, at 2119-\d\d-\d\dT.*; mend the Secret, or delete it to stop that/);
    assert.equal(scene.changes, before, "no listener is touched");
    scene.put(secret("rsa-1024"));
    assert.match(scene.told.text, /1024 bits/);
    assert.equal(scene.served, "p-256");
    scene.put(secret("p-384"));
    assert.deepEqual([scene.served, scene.told.reasons], ["p-384", []]);
    scene.put(secret("p-384", { key: "" }));
    assert.deepEqual([scene.served, scene.told.reasons], ["p-384", ["CertificateKept"]]);
  });

  it("also to one that has ended, or does not count yet: until it counts", () => {
    const scene = new Scene(secret("p-256"));
    scene.put(secret("ended"));
    assert.deepEqual([scene.served, scene.told.reasons], ["p-256", ["CertificateKept"]]);
    assert.match(scene.told.text, /its new certificate ended at 2021-01-01/);
    scene.put(secret("begins-later"));
    assert.deepEqual([scene.served, scene.told.reasons], ["p-256", ["CertificateKept"]]);
    assert.match(scene.told.text, /counts from 2100-01-01/);
    scene.at(year2100);
    assert.deepEqual([scene.served, scene.told.reasons], ["begins-later", []]);
  });

  it("deleted, it is served no more, and one of the same name begins anew", () => {
    const scene = new Scene(secret("p-256"));
    scene.put(secret("rsa-1024"));
    scene.remove(secret("rsa-1024"));
    assert.deepEqual([scene.served, scene.told.reasons], [undefined, ["SecretNotValid"]]);
    scene.put(secret("rsa-1024"));
    assert.deepEqual([scene.served, scene.told.reasons], [undefined, ["SecretNotValid"]]);
  });

  it("deleted and made anew at once, too", () => {
    const scene = new Scene(secret("p-256"));
    scene.put(secret("rsa-1024", { uid: "second" }));
    assert.deepEqual([scene.served, scene.told.reasons], [undefined, ["SecretNotValid"]]);
  });

  it("never serves the one before the last", () => {
    const scene = new Scene(secret("p-256"));
    scene.put(secret("ended"));
    scene.put(secret("p-384"));
    scene.put(secret("rsa-1024"));
    assert.equal(scene.served, "p-384");
  });

  it("that never was good is not served", () => {
    const scene = new Scene(secret("rsa-1024"));
    assert.deepEqual([scene.served, scene.told.reasons], [undefined, ["SecretNotValid"]]);
    scene.put(secret("ended-authority", { key: "" }));
    assert.equal(scene.served, undefined);
  });
});

describe("the time of a certificate", () => {
  it("is told of when it matters, and costs nothing before", () => {
    const scene = new Scene(secret("p-256"));
    const ends = scene.controller.certificateEnds()[Symbol.iterator]().next().value?.expiresAt ?? 0;
    const runs = scene.controller.pipeline.graph.runs;
    scene.at(ends - 15 * 86_400_000);
    assert.equal(scene.controller.pipeline.graph.runs, runs, "nothing runs while nothing is to be said");
    scene.at(ends - 13 * 86_400_000);
    assert.deepEqual(scene.told.reasons, ["CertificateEndsSoon"]);
    scene.at(ends);
    assert.deepEqual(scene.told.reasons, ["CertificateExpired"]);
    assert.equal(scene.served, "p-256", "some clients may take it");
    scene.put(secret("p-384", { key: "" }));
    assert.deepEqual(scene.told.reasons, ["CertificateKept", "CertificateExpired"]);
  });

  it("is told of from the beginning", () => {
    assert.deepEqual(new Scene(secret("ended")).told.reasons, ["CertificateExpired"]);
    const scene = new Scene(secret("begins-later"));
    assert.deepEqual([scene.served, scene.told.reasons], ["begins-later", ["CertificateNotYetValid"]]);
    scene.at(year2100);
    assert.deepEqual(scene.told.reasons, []);
  });
});
