import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, afterEach, before, describe, it } from "node:test";
import type { KubeObject } from "#k8s/object";
import { readFiles } from "#sources/file/read";
import { waitFor } from "../bed/wait.ts";
import { pemOf } from "../peers/identities.ts";
import { parsed } from "./parsed.ts";
import { Stage } from "./stage.ts";
import { strangeList, withVersion5 } from "./strange-pem.ts";

const golden = new URL("../../testdata/golden/", import.meta.url).pathname;
const services = readFiles([`${golden}httpproxy/tls/manifests/services.yaml`]).objects;
const authority = readFileSync(new URL("../../testdata/certificates/authority.pem", import.meta.url), "utf8");

interface Condition {
  readonly status: string;
  readonly errors?: readonly { readonly type: string; readonly reason: string; readonly message: string }[];
}

let generation = 0;
const toWeb = [{ name: "web", port: 80 }];
const proxy = (name: string, spec: object): KubeObject => parsed({ apiVersion: "projectcontour.io/v1", kind: "HTTPProxy", metadata: { name, namespace: "default", generation: ++generation }, spec });
const secret = (name: string, stringData: object, type = "Opaque"): KubeObject => parsed({ apiVersion: "v1", kind: "Secret", metadata: { name, namespace: "default" }, type, stringData });
const route = (prefix: string, more: object = {}): object => ({ conditions: [{ prefix }], services: toWeb, ...more });
const host = (name: string, routes: readonly object[] = [route("/")], more: object = {}): KubeObject => proxy(name, { virtualhost: { fqdn: `${name}.example.com`, ...more }, routes });
const secure = (name: string, tls: object = {}, more: object = {}): KubeObject => host(name, [route("/")], { tls: { secretName: "shop", ...tls }, ...more });

/** RE2 in Envoy has 8 MB for an expression; this one is legal everywhere else. */
const tooLarge = `(${Array.from({ length: 400 }, (_, i) => `${i}[^a]{900}`).join("|")})`;
const odd = new URL("../../testdata/certificates/odd/", import.meta.url).pathname;

const strangeCertificate = withVersion5(readFileSync(`${odd}p-256.crt`, "utf8"), "CERTIFICATE", "a003020102");

describe("what passes our checks and Envoy refuses hurts its own part only, and the status names the field", { timeout: 180_000 }, () => {
  const stage = new Stage();
  before(async () => {
    await stage.open();
    await stage.play([...services, secret("shop", { "tls.crt": pemOf("shop").certificate, "tls.key": pemOf("shop").key }, "kubernetes.io/tls"), host("neighbour"), secure("safe"), proxy("wildcard", { virtualhost: { fqdn: "*.other.example.com" }, routes: [route("/")] })]);
  });
  after(() => stage.close());
  afterEach(() => void (stage.nacks.length = 0));

  const status = async (url: string): Promise<number> => (await stage.send({ url, status: 0 }).catch(() => ({ status: 0 }))).status;
  const answers = (url: string, wanted: number): Promise<boolean> => waitFor(async () => (await status(url)) === wanted, { what: `${url} answers ${wanted}; refused: ${stage.nacks.map((nack) => nack.slice(0, 300)).join("; ")}`, timeoutMs: 15_000, intervalMs: 10 });
  const condition = (name: string): Condition | undefined => (stage.statuses.get(`HTTPProxy/default/${name}`)?.status["conditions"] as readonly Condition[] | undefined)?.[0];
  const says = (name: string, field: string): Promise<boolean> =>
    waitFor(() => condition(name)?.errors?.some(({ type, reason, message }) => type === "EnvoyError" && reason === "RejectedByEnvoy" && message.startsWith(`${field}: `)) ?? false, { what: `the status of ${name} names ${field}: ${JSON.stringify(condition(name)).slice(0, 600)}`, timeoutMs: 10_000, intervalMs: 10 });
  const othersGoOn = async (): Promise<void> => {
    assert.deepEqual([await status("http://neighbour.example.com/"), await status("https://safe.example.com/"), await status("http://a.other.example.com/")], [200, 200, 200]);
    assert.deepEqual([condition("neighbour")?.status, condition("safe")?.status, condition("wildcard")?.status], ["True", "True", "True"]);
  };
  /** Applies without waiting for all to be taken. */
  const put = (...objects: readonly KubeObject[]): void => stage.controller.apply(objects.map((object) => ({ type: "upsert", object })));

  it("a route: its requests get 503, the other routes of the object are served, new ones too", async () => {
    await stage.play([host("shop")]);
    await answers("http://shop.example.com/", 200);
    put(host("shop", [route("/"), route("/new"), { conditions: [{ prefix: "/bad" }, { header: { name: "x-a", regex: tooLarge } }], services: toWeb }, { conditions: [{ prefix: "/rewritten" }], services: toWeb, pathRewritePolicy: { replaceRegex: { pattern: `/rewritten${tooLarge}`, substitution: "/x" } } }]));
    await says("shop", "spec.routes[2]");
    await says("shop", "spec.routes[3]");
    assert.equal(condition("shop")?.errors?.length, 2);
    assert.equal(await status("http://shop.example.com/new"), 200);
    await answers("http://shop.example.com/rewritten", 503);
    await answers("http://shop.example.com/bad", 200); // Its match cannot be said, so it matches nothing.
    await othersGoOn();
    put(host("shop", [route("/"), route("/new"), { conditions: [{ prefix: "/rewritten" }], services: toWeb, pathRewritePolicy: { replaceRegex: { pattern: `/rewritten${tooLarge}`, substitution: "/x" } } }]));
    await says("shop", "spec.routes[2]");
    assert.equal(condition("shop")?.errors?.length, 1, "one of the two is gone");
    put(host("shop", [route("/"), route("/mended")]));
    await waitFor(() => condition("shop")?.status === "True", { what: "the status of the mended object" });
    await answers("http://shop.example.com/mended", 200);
  });

  it("a route whose match cannot be said: without it there is the version from before", async () => {
    await stage.play([host("same")]);
    await answers("http://same.example.com/", 200);
    put(host("same", [route("/"), { conditions: [{ prefix: "/bad" }, { header: { name: "x-a", regex: tooLarge } }], services: toWeb }]));
    await says("same", "spec.routes[1]");
    put(host("same", [route("/")]));
    await waitFor(() => condition("same")?.status === "True", { what: "the status of the mended object" });
    await othersGoOn();
  });

  it("a route of an included object: the object that includes it is told nothing", async () => {
    put(proxy("parent", { virtualhost: { fqdn: "parent.example.com" }, includes: [{ name: "child", conditions: [{ prefix: "/child" }] }], routes: [route("/")] }), proxy("child", { routes: [route("/ok"), route("/wrong", { pathRewritePolicy: { replaceRegex: { pattern: tooLarge, substitution: "x" } } })] }));
    await says("child", "spec.routes[1]");
    await answers("http://parent.example.com/child/wrong", 503);
    assert.deepEqual([await status("http://parent.example.com/child/ok"), await status("http://parent.example.com/"), condition("parent")?.status], [200, 200, "True"]);
    await othersGoOn();
  });

  it("a policy of a host: nobody gets in, and its neighbours go on", async () => {
    put(host("strict", [route("/")], { corsPolicy: { allowOrigin: [`https://${tooLarge}`], allowMethods: ["GET"] } }));
    await says("strict", "spec.virtualhost");
    await answers("http://strict.example.com/", 503);
    await othersGoOn();
  });

  it("one of many wildcard hosts, which share a resource", async () => {
    put(proxy("wild-bad", { virtualhost: { fqdn: "*.bad.example.com" }, routes: [route("/"), route("/wrong", { pathRewritePolicy: { replaceRegex: { pattern: tooLarge, substitution: "x" } } })] }));
    await says("wild-bad", "spec.routes[1]");
    await answers("http://a.bad.example.com/wrong", 503);
    assert.equal(await status("http://a.bad.example.com/"), 200);
    await othersGoOn();
  });

  it("TLS of a host, of many that share the listener", async () => {
    put(secret("trust", { "ca.crt": authority }), secret("list", { "crl.pem": strangeList }), secure("revoking", { clientValidation: { caSecret: "trust", crlSecret: "list" } }), secure("newer"));
    await says("revoking", "spec.virtualhost.tls");
    await answers("https://newer.example.com/", 200);
    assert.equal(await status("https://revoking.example.com/"), 0);
    await othersGoOn();
    put(secure("revoking"));
    await answers("https://revoking.example.com/", 200);
    await waitFor(() => condition("revoking")?.status === "True", { what: "the status of the mended object" });
  });

  it("TLS of a host with client certificates: the wildcard above it lets nobody in without them", async () => {
    const covering = proxy("covering", { virtualhost: { fqdn: "*.covered.example.com", tls: { secretName: "shop" } }, routes: [route("/")] });
    const covered = (tls: object): KubeObject => proxy("covered", { virtualhost: { fqdn: "mutual.covered.example.com", tls: { secretName: "shop", clientValidation: { caSecret: "trust", ...tls } } }, routes: [route("/")] });
    put(secret("trust", { "ca.crt": authority }), secret("list", { "crl.pem": strangeList }), covering, covered({ crlSecret: "list" }));
    await says("covered", "spec.virtualhost.tls");
    await answers("https://any.covered.example.com/", 200);
    assert.equal(await status("https://mutual.covered.example.com/"), 0);
    put(covered({}));
    await waitFor(() => condition("covered")?.status === "True", { what: "the status of the mended object" });
    await waitFor(() => stage.send({ url: "https://mutual.covered.example.com/", identity: "client", status: 0 }).then((answer) => answer.status === 200, () => false), { what: "the mended host answers clients with certificates", intervalMs: 10 });
    assert.equal(await status("https://mutual.covered.example.com/"), 0);
  });

  it("a guard on the listener that hosts without TLS share: the hosts that need it let nobody in", async () => {
    const keys = JSON.stringify({ keys: [{ kty: "EC", crv: "P-256", x: "AAAA", y: "AAAA", kid: "k" }] });
    put(secret("keys", { jwks: keys }), proxy("guarded", { virtualhost: { fqdn: "guarded.example.com", tls: { secretName: "shop" }, jwtProviders: [{ name: "idp", default: true, localJWKS: { secretName: "keys", key: "jwks" } }] }, routes: [route("/", { permitInsecure: true })] }));
    await waitFor(async () => [401, 403, 503].includes(await status("http://guarded.example.com/")), { what: "nobody gets in", intervalMs: 10 });
    await othersGoOn();
  });

  it("a cluster: its route has no backend, other routes of the object are served", async () => {
    const long = `${"a".repeat(60)}.`.repeat(5) + "test";
    put(host("long", [route("/"), { conditions: [{ prefix: "/tls" }], services: [{ name: "web", port: 80, protocol: "tls", requestHeadersPolicy: { set: [{ name: "Host", value: long }] } }] }]));
    await says("long", "spec.routes[1].services[0]");
    await answers("http://long.example.com/tls", 503);
    assert.equal(await status("http://long.example.com/"), 200);
    await othersGoOn();
  });

  it("addresses of a Service", async () => {
    const [service, slice] = services as readonly [KubeObject, KubeObject];
    put({ ...service, metadata: { name: "odd", namespace: "default" } } as KubeObject, { ...slice, metadata: { name: "odd-1", namespace: "default", labels: { "kubernetes.io/service-name": "odd" } }, endpoints: [{ addresses: ["not-an-address"], conditions: { ready: true } }], ports: [{ name: "", port: 80, protocol: "TCP" }] } as unknown as KubeObject, host("odd", [route("/"), { conditions: [{ prefix: "/odd" }], services: [{ name: "odd", port: 80 }] }]));
    await says("odd", "spec.routes[1].services[0]");
    await answers("http://odd.example.com/odd", 503);
    assert.equal(await status("http://odd.example.com/"), 200);
    await othersGoOn();
  });

  it("a certificate: of its host only", async () => {
    put(secret("strange", { "tls.crt": strangeCertificate, "tls.key": readFileSync(`${odd}p-256.key`, "utf8") }, "kubernetes.io/tls"), secure("strange", { secretName: "strange" }));
    await says("strange", "spec.virtualhost.tls");
    await othersGoOn();
  });
});
