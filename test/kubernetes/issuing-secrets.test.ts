import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { waitFor } from "../bed/wait.ts";
import { proxyWithIssuer, startAcmeWorld, untilServed } from "./acme-world.ts";
import type { AcmeWorld } from "./acme-world.ts";
import { page } from "./serving.ts";

interface Secret {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly type: string;
  readonly data?: Readonly<Record<string, string>>;
}

/** The lines of a private key that are its contents. */
function needlesOf(pem: string): readonly string[] {
  return pem.split("\n").filter((line) => line.length > 20 && !line.startsWith("-----"));
}

describe("the keys of issuing: of accounts, authorities, orders that are under way, certificates", { timeout: 120_000 }, () => {
  const binding = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";
  let world: AcmeWorld;
  let secrets: readonly Secret[];
  before(async () => {
    world = await startAcmeWorld({ bindingKeys: { "kid-1": binding } }, { flags: ["--debug"] });
    const externalAccountBinding = { keyID: "kid-1", keySecret: { name: "binding", key: "hmac" } };
    await world.api.apply([
      { apiVersion: "v1", kind: "Secret", metadata: { name: "binding", namespace: "projectcontour" }, data: { hmac: btoa(binding) } },
      world.issuer("ca", { externalAccountBinding, solvers: [{ type: "TLS-ALPN-01" }] }),
      { apiVersion: "projectcontour.io/v1alpha1", kind: "ClusterCertificateIssuer", metadata: { name: "corp" }, spec: { authority: {} } },
      proxyWithIssuer("web", "web.example.com"), proxyWithIssuer("blocked", "blocked.example.com"), proxyWithIssuer("corp", "web.corp", { issuer: "corp" }),
    ]);
    await untilServed(world, "web.example.com");
    await waitFor(() => world.certificateOf("shop", "corp-tls"), { what: "a certificate of the authority" });
    // An order that is under way, and stays so: the server stands still.
    await world.api.apply([proxyWithIssuer("slow", "slow.example.com")]);
    const all = async (): Promise<readonly Secret[]> => (await world.api.get<{ readonly items: readonly Secret[] }>("/api/v1/secrets")).items;
    const isUnderWay = ({ type, data = {} }: Secret): boolean => type === "projectcontour.io/acme-order" && data["tls.key"] !== undefined;
    await waitFor(async () => (await all()).some(isUnderWay), { what: "an order is under way", intervalMs: 1 });
    world.pebble.process.signal("SIGSTOP");
    secrets = await all();
    assert.ok(secrets.some(isUnderWay));
  });
  after(async () => {
    world?.pebble.process.signal("SIGCONT");
    await world?.stop();
  });

  /** Private keys by where they are kept; those of TLS-ALPN-01 challenges are in the record of an order. */
  const needles = (): ReadonlyMap<string, readonly string[]> => {
    const texts = secrets.flatMap(({ metadata, data = {} }) => Object.entries(data).map(([key, value]) => [`${metadata.namespace}/${metadata.name} ${key}`, Buffer.from(value, "base64").toString()] as const));
    const keys = texts.flatMap(([name, text]) => [...text.replaceAll("\\n", "\n").matchAll(/-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*-----END/g)].map(([pem], i) => [`${name} ${i}`, needlesOf(pem)] as const));
    return new Map([...keys, ["the binding key", [binding]]]);
  };
  const found = (where: string, text: string): readonly string[] => [...needles()].flatMap(([name, parts]) => (parts.some((part) => text.includes(part)) ? [`${name} in ${where}`] : []));

  it("are many, and of all kinds", () => {
    const names = [...needles().keys()].join("\n");
    for (const kind of [/acme-account-ca account\.key/, /authority-corp tls\.key/, /acme-order-\w+ tls\.key/, /acme-order-\w+ order/, /shop\/web-tls tls\.key/, /shop\/corp-tls tls\.key/]) assert.match(names, kind);
  });

  it("are in no line of the log, on no debug page, in no metric, in no status and no event", async () => {
    const [controller] = world.controllers;
    assert.ok(controller);
    const pages = [...(await page(controller.debugPort, "/debug")).text.matchAll(/^(\/debug\S+)/gm)].map(([, path]) => path ?? "").filter((path) => !path.includes("pprof"));
    const objects = secrets.map(({ metadata }) => `/debug/objects/Secret/${metadata.namespace}/${metadata.name}`);
    const hosts = ["web.example.com", "slow.example.com", "web.corp"].map((host) => `/debug/model/${host}`);
    const places = [...pages, ...objects, ...hosts].map(async (path) => found(path, (await page(controller.debugPort, path)).text));
    const paths = ["/apis/projectcontour.io/v1/httpproxies", "/apis/projectcontour.io/v1alpha1/clustercertificateissuers", "/apis/events.k8s.io/v1/events"];
    const seen = [
      ...(await Promise.all(places)).flat(),
      ...found("/metrics", (await page(controller.httpPort, "/metrics")).text),
      ...found("the log", readFileSync(join(world.api.folder, `contour-${controller.xdsPort}.log`), "utf8")),
      ...(await Promise.all(paths.map(async (path) => found(path, JSON.stringify(await world.api.get(path)))))).flat(),
    ];
    assert.deepEqual(seen, []);
  });
});
