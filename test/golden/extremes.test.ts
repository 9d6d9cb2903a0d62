import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { KubeObject } from "#k8s/object";
import { readFiles } from "#sources/file/read";
import { trimObject } from "#sources/kubernetes/trim";
import { waitFor } from "../bed/wait.ts";
import { parsed } from "./parsed.ts";
import { Stage } from "./stage.ts";

const golden = new URL("../../testdata/golden/", import.meta.url).pathname;
const services = readFiles([`${golden}httpproxy/tls/manifests/services.yaml`]).objects;
const [goodSecret] = readFiles([`${golden}httpproxy/tls/manifests/secret.yaml`]).objects as readonly [KubeObject & { readonly data: Readonly<Record<string, string>> }];

interface Condition {
  readonly status: string;
  readonly errors?: readonly { readonly type: string; readonly reason: string; readonly message: string }[];
}

const proxy = (name: string, generation: number, spec: object): KubeObject => parsed({ apiVersion: "projectcontour.io/v1", kind: "HTTPProxy", metadata: { name, namespace: "default", generation }, spec });
const toWeb = [{ name: "web", port: 80 }];
const hostWith = (fqdn: string, routes: readonly object[]): object => ({ virtualhost: { fqdn }, routes });

describe("what a user may do, and hardly anybody expects", { timeout: 180_000 }, () => {
  const stage = new Stage();
  before(async () => {
    await stage.open();
    await stage.play([...services, proxy("neighbour", 1, hostWith("neighbour.example.com", [{ services: toWeb }]))]);
  });
  after(() => stage.close());

  const get = async (host: string, path = "/"): Promise<number> => (await stage.send({ url: `http://${host}${path}`, status: 0 })).status;
  const answers = (host: string, path: string, status: number): Promise<boolean> => waitFor(async () => (await get(host, path)) === status, { what: `${host}${path} answers ${status}`, timeoutMs: 20_000, intervalMs: 10 });
  const condition = (name: string): Condition | undefined => (stage.statuses.get(`HTTPProxy/default/${name}`)?.status["conditions"] as readonly Condition[] | undefined)?.[0];

  it("ten thousand routes in one object", async () => {
    const routes = Array.from({ length: 10_000 }, (_, i) => ({ conditions: [{ prefix: `/r${i}/` }], services: toWeb }));
    await stage.play([proxy("many", 1, hostWith("many.example.com", routes))]);
    await answers("many.example.com", "/r9999/", 200);
    assert.deepEqual([await get("many.example.com", "/r0/x"), await get("many.example.com", "/none"), await get("neighbour.example.com")], [200, 404, 200]);
    assert.equal(condition("many")?.status, "True");
  });

  it("a Secret of a megabyte: what is not looked at is dropped at the door, what is no certificate is refused", async () => {
    const junk = Buffer.alloc(750_000, "x").toString("base64");
    const trimmed = trimObject(structuredClone({ ...goodSecret, metadata: { name: "big", namespace: "default" }, data: { ...goodSecret.data, junk } }) as KubeObject) as typeof goodSecret;
    assert.deepEqual(Object.keys(trimmed.data).toSorted(), ["tls.crt", "tls.key"]);
    const bad = { ...goodSecret, metadata: { name: "bad", namespace: "default" }, data: { ...goodSecret.data, "tls.crt": junk } };
    const withTls = (name: string, secretName: string): KubeObject => proxy(name, 1, { virtualhost: { fqdn: `${name}.example.com`, tls: { secretName } }, routes: [{ services: toWeb, permitInsecure: true }] });
    await stage.play([trimmed, bad, withTls("big", "big"), withTls("bad", "bad")]);
    await answers("big.example.com", "/", 200);
    assert.deepEqual(condition("bad")?.errors?.map(({ type, reason }) => [type, reason]), [["TLSError", "SecretNotValid"]]);
    assert.equal(await get("neighbour.example.com"), 200);
  });
});
