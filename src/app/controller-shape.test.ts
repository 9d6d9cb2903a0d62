import assert from "node:assert/strict";
import { describe, it } from "node:test";
import "reflect-metadata";
import { Controller } from "#app/controller";
import { translateSettings } from "#app/translate";
import { createAuthority, issueCertificate } from "#certs/authority";
import type { KubeObject } from "#k8s/object";
import { defaultEnvoySettings } from "#settings/envoy";
import type { ObjectEvent } from "#store/event";
import { listenerType } from "#xds/types";

const now = Date.now();
const { certificate, key } = await issueCertificate(await createAuthority("CN=shape", now), { use: "server", dnsName: "*.example.com" }, now);
const base64 = (text: string): string => Buffer.from(text).toString("base64");

const from = 10;
const secret = (i: number): KubeObject => ({ apiVersion: "v1", kind: "Secret", metadata: { name: `c${i}`, namespace: "d" }, ...{ type: "kubernetes.io/tls", data: { "tls.crt": base64(certificate), "tls.key": base64(key) } } });
const proxy = (i: number): KubeObject => ({ apiVersion: "projectcontour.io/v1", kind: "HTTPProxy", metadata: { name: `p${i}`, namespace: "d", generation: 1 }, ...{ spec: { virtualhost: { fqdn: `h${i}.example.com`, tls: { secretName: `c${i}` } }, routes: [{ directResponsePolicy: { statusCode: 200 } }] } } });

/** A controller of some TLS hosts, of which there can be more and fewer. */
function withHosts(first: number) {
  const controller = new Controller({ settings: translateSettings, envoySettings: { ...defaultEnvoySettings, certificatesOnDemandFrom: from }, clock: () => now, onChange: () => undefined });
  controller.open();
  let count = 0;
  const become = (wanted: number): void => {
    const events: ObjectEvent[] = [];
    for (; count < wanted; count++) events.push(...[secret(count), proxy(count)].map((object): ObjectEvent => ({ type: "upsert", object })));
    for (; count > wanted; count--) events.push({ type: "delete", ref: { kind: "HTTPProxy", namespace: "d", name: `p${count - 1}` } });
    controller.apply(events);
  };
  become(first);
  const listener = () => controller.store.newest(listenerType, "ingress_https");
  return { controller, become, version: (): string => listener()?.version ?? "", shape: (): string => (listener()?.frame.toString("latin1").includes("h0.example.com") === true ? "a chain each" : "on demand"), held: (version: string) => controller.held({ name: "ingress_https", version, fleet: "" }) };
}

describe("the shape of TLS hosts, where they come and go", () => {
  it("changes at the number, and back only when a fifth fewer are left", () => {
    const { become, shape } = withHosts(from - 1);
    const seen = [from, from - 1, from, from - 2, from - 3, from - 2, from - 1, from].map((count) => (become(count), `${count} ${shape()}`));
    assert.deepEqual(seen, ["10 on demand", "9 on demand", "10 on demand", "8 on demand", "7 a chain each", "8 a chain each", "9 a chain each", "10 on demand"]);
  });

  it("sends no listener while they go up and down between", () => {
    const { become, version } = withHosts(from);
    const before = version();
    for (const count of [from - 2, from, from + 3, from - 1]) {
      become(count);
      assert.equal(version(), before);
    }
  });

  it("stays as Envoys have it when a controller begins anew, or another one takes over", () => {
    const before = withHosts(from);
    before.become(from - 1);
    const after = withHosts(from - 1);
    assert.deepEqual([before.shape(), after.shape()], ["on demand", "a chain each"]);
    const own = after.version();
    after.held(own);
    after.held("a listener of another version");
    assert.equal(after.version(), own);
    after.held(before.version());
    assert.equal(after.version(), before.version());
    after.held(own);
    assert.equal(after.version(), before.version(), "one decision for all Envoys");
    after.become(from - 3);
    assert.equal(after.shape(), "a chain each");
  });

  it("is not what Envoys have where there are too few hosts for it, or it is switched off", () => {
    const before = withHosts(from).version();
    const few = withHosts(from - 3);
    few.held(before);
    assert.equal(few.shape(), "a chain each");
    const many = withHosts(from);
    many.controller.configure(translateSettings, { ...defaultEnvoySettings, certificatesOnDemandFrom: 0 });
    assert.equal(many.shape(), "a chain each");
  });
});
