import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { after, before, describe, it } from "node:test";
import type { CorsPolicy, IpFilter, LocalRateLimit } from "#model/policy";
import type { Route, ValueMatch } from "#model/route";
import { freePort } from "../bed/free-port.ts";
import { waitFor } from "../bed/wait.ts";
import { send } from "./client.ts";
import type { Answer, Wish } from "./client.ts";
import { cluster, endpoints, host, listener, prefix, route, to } from "./model.ts";
import { startBackend, startRig } from "./rig.ts";
import type { Backend, Rig } from "./rig.ts";

const http = "ingress_http";
const noMatch: { readonly invert: false; readonly treatMissingAsEmpty: false } = { invert: false, treatMissingAsEmpty: false };
const exactly = (value: string, ignoreCase = false): ValueMatch => ({ kind: "exact", value, ignoreCase });

let rig: Rig;
let port = 0;
let backends: Readonly<Record<"a" | "b", Backend>>;
let mirrored = 0;

before(async () => {
  port = await freePort();
  backends = {
    a: await startBackend("a", (request, response) => {
      if (request.url?.startsWith("/cookies")) response.setHeader("set-cookie", ["id=1; Path=/old; Domain=old.example; Secure; HttpOnly", "other=2; Path=/stay"]);
      if (request.url === "/moved") return answer(response, 302, `http://${request.headers.host}/internal/end`);
      if (request.url === "/far") return answer(response, 302, "http://b.example.com/end");
      if (request.url === "/hangs") return true;
      if (request.url?.startsWith("/fails")) return answer(response, 503);
      return false;
    }),
    b: await startBackend("b", (request) => {
      if (request.headers.host?.includes("-shadow")) mirrored++;
      return false;
    }),
  };
  rig = await startRig();
  await rig.apply({
    listeners: [{ listener: listener(http, "http", port) }],
    clusters: [cluster("a"), cluster("b"), cluster("none", { source: { kind: "endpoints", endpoints: "none" } }), ...variants()],
    endpoints: [endpoints("a", backends.a.port), endpoints("b", backends.b.port), { name: "none", endpoints: [] }],
    hosts: [],
  });
});

after(async () => {
  await rig?.stop();
  await Promise.all(Object.values(backends ?? {}).map((backend) => backend.close()));
});

/** Clusters with everything that a cluster can have: Envoy must accept them. */
function variants() {
  const source = { kind: "endpoints", endpoints: "none" } as const;
  const check = { timeoutMs: 2000, intervalMs: 10_000, unhealthyThreshold: 3, healthyThreshold: 2 };
  return [
    cluster("h2c", { source, protocol: "h2c", loadBalancing: "least-request", slowStart: { windowMs: 10_000, aggression: 1.5, minimumWeightPercent: 20 } }),
    cluster("h2", { source, protocol: "h2", sni: "x.example", minimumTlsVersion: "1.2", maximumTlsVersion: "1.3", loadBalancing: "ring-hash" }),
    cluster("tls", { source, protocol: "tls", idleTimeoutMs: 5000, loadBalancing: "random", circuitBreakers: { maxConnections: 1, maxRetries: 2, perHostMaxConnections: 3 } }),
    cluster("http-check", { source, healthCheck: { kind: "http", path: "/ok", host: "contour-envoy-healthcheck", expectedStatuses: [{ start: 200, end: 300 }], ...check } }),
    cluster("tcp-check", { source, healthCheck: { kind: "tcp", ...check }, slowStart: { windowMs: 10_000, aggression: 1, minimumWeightPercent: 10 } }),
    cluster("dns", { source: { kind: "dns", host: "localhost", port: 1, family: "v4" } }),
    cluster("dns-all", { source: { kind: "dns", host: "localhost", port: 1, family: "all" } }),
  ];
}

function answer(response: ServerResponse, status: number, location?: string): boolean {
  response.writeHead(status, location === undefined ? {} : { location }).end();
  return true;
}

let count = 0;

/** Gives routes to a host that no other test uses, asks, and looks at the answers. */
async function withRoutes(routes: readonly Route[], more: Parameters<typeof host>[3] = {}): Promise<(path: string, wish?: Partial<Wish>) => Promise<Answer>> {
  const name = more.wildcard === undefined ? `h${++count}.example.com` : `*.w${++count}.example.com`;
  const asked = name.replace("*", "any");
  const ready = route({ ...prefix("/"), path: { kind: "exact", path: "/is-it-there" } }, { kind: "direct-response", status: 200, body: "yes" });
  await rig.apply({ listeners: [], hosts: [host(http, name, [ready, ...routes], more)] });
  const ask = (path: string, wish: Partial<Wish> = {}): Promise<Answer> => send({ port, host: asked, path, ...wish });
  // Envoy's threads take over a moment after it accepted. Policies of the host may refuse even this request.
  await waitFor(async () => (await ask("/is-it-there")).status !== 404, { what: `${name} is there`, intervalMs: 2 });
  return ask;
}

const a = (path = "/", more: Parameters<typeof to>[1] = {}, policies: Route["policies"] = {}): Route => route(prefix(path), to("a", more), policies);
const backendOf = ({ status, echo }: Answer): string => echo?.backend ?? String(status);

describe("matches", () => {
  it("paths: exact, prefix by text, prefix by segment, regular expression", async () => {
    const by = (path: Route["match"]["path"]): Route => route({ ...prefix("/"), path }, to("a"));
    const ask = await withRoutes([by({ kind: "exact", path: "/exact" }), by({ kind: "prefix", path: "/text", by: "string" }), by({ kind: "prefix", path: "/seg/", by: "segment" }), by({ kind: "regex", pattern: "/r[0-9]+" })]);
    const paths = ["/exact", "/exact/x", "/textual", "/seg", "/seg/x", "/segment", "/r12", "/r12/x", "/r12?q=1"];
    const answers = await Promise.all(paths.map(async (path) => `${path} ${(await ask(path)).status}`));
    assert.deepEqual(answers, ["/exact 200", "/exact/x 404", "/textual 200", "/seg 200", "/seg/x 200", "/segment 404", "/r12 200", "/r12/x 404", "/r12?q=1 200"]);
  });

  it("headers, methods and query parameters", async () => {
    const header = (name: string, value: ValueMatch, invert = false, treatMissingAsEmpty = false): Route => route(prefix(`/${name}`, { headers: [{ name: `x-${name}`, value, invert, treatMissingAsEmpty }] }), to("a"));
    const ask = await withRoutes([
      header("present", { kind: "present" }),
      header("exact", exactly("V")),
      header("loose", exactly("V", true)),
      header("not", exactly("V"), true),
      header("not-or-missing", exactly("V"), true, true),
      header("contains", { kind: "contains", value: "mid", ignoreCase: false }),
      header("regex", { kind: "regex", pattern: "a+" }),
      route(prefix("/method", { method: "POST" }), to("a")),
      route(prefix("/query", { queryParameters: [{ name: "q", value: exactly("1") }] }), to("a")),
      route(prefix("/some-query", { queryParameters: [{ name: "q", value: { kind: "present" } }] }), to("a")),
    ]);
    const status = async (path: string, wish: Partial<Wish> = {}): Promise<number> => (await ask(path, wish)).status;
    assert.equal(await status("/present", { headers: { "x-present": "" } }), 200);
    assert.equal(await status("/present"), 404);
    assert.equal(await status("/exact", { headers: { "x-exact": "V" } }), 200);
    assert.equal(await status("/exact", { headers: { "x-exact": "v" } }), 404);
    assert.equal(await status("/loose", { headers: { "x-loose": "v" } }), 200);
    assert.equal(await status("/not", { headers: { "x-not": "W" } }), 200);
    assert.equal(await status("/not"), 404);
    assert.equal(await status("/not-or-missing"), 200);
    assert.equal(await status("/contains", { headers: { "x-contains": "a-mid-b" } }), 200);
    assert.equal(await status("/regex", { headers: { "x-regex": "aaa" } }), 200);
    assert.equal(await status("/regex", { headers: { "x-regex": "aab" } }), 404);
    assert.equal(await status("/method", { method: "POST" }), 200);
    assert.equal(await status("/method"), 404);
    assert.equal(await status("/query?q=1"), 200);
    assert.equal(await status("/query?q=2"), 404);
    assert.equal(await status("/some-query?q"), 200);
  });
});

describe("actions", () => {
  it("weights share the traffic, each target with its own headers", async () => {
    const target = (name: string, weight: number) => ({ cluster: name, weight, requestHeaders: { set: [{ name: "x-share", value: name }], add: [], remove: ["x-gone"] }, hostRewrite: { kind: "literal", host: `${name}.internal` } as const });
    const ask = await withRoutes([route(prefix("/"), { ...to("a"), targets: [target("a", 1), target("b", 1)] })]);
    const answers = await Promise.all(Array.from({ length: 40 }, () => ask("/", { headers: { "x-gone": "1" } })));
    assert.deepEqual([...new Set(answers.map(backendOf))].toSorted(), ["a", "b"]);
    for (const { echo } of answers) assert.deepEqual([echo?.headers["x-share"], echo?.headers["host"], echo?.headers["x-gone"]], [echo?.backend, `${echo?.backend}.internal`, undefined]);
  });

  it("a single target's rewrites count, too", async () => {
    const ask = await withRoutes([route(prefix("/"), { ...to("a"), targets: [{ cluster: "a", weight: 0, hostRewrite: { kind: "header", header: "x-want" }, responseHeaders: { set: [{ name: "x-from", value: "target" }], add: [], remove: [] } }] })]);
    const answer = await ask("/", { headers: { "x-want": "wanted.internal" } });
    assert.deepEqual([answer.echo?.headers["host"], answer.headers["x-from"]], ["wanted.internal", "target"]);
  });

  it("redirects", async () => {
    const redirect = (path: string, more: object): Route => route({ ...prefix("/"), path: { kind: "prefix", path, by: "segment" } }, { kind: "redirect", code: 302, ...more });
    const ask = await withRoutes([
      redirect("/secure", { scheme: "https", code: 301 }),
      redirect("/port", { scheme: "https", port: 8443 }),
      redirect("/host", { host: "other.org", code: 308 }),
      redirect("/full", { path: { kind: "full", path: "/new" } }),
      redirect("/prefix", { path: { kind: "prefix", prefix: "/new/" } }),
      redirect("/base", { path: { kind: "prefix", prefix: "/" } }),
    ]);
    const where = async (path: string): Promise<string> => {
      const { status, headers } = await ask(path);
      return `${status} ${headers.location?.replace(/h\d+\.example\.com/, "HOST")}`;
    };
    assert.equal(await where("/secure/x?q=1"), "301 https://HOST/secure/x?q=1");
    assert.equal(await where("/port"), "302 https://HOST:8443/port");
    assert.equal(await where("/host"), "308 http://other.org/host");
    assert.equal(await where("/full/x?q=1"), "302 http://HOST/new?q=1");
    assert.equal(await where("/prefix/x"), "302 http://HOST/new/x");
    assert.equal(await where("/prefix"), "302 http://HOST/new");
    assert.equal(await where("/base/x"), "302 http://HOST/x");
    assert.equal(await where("/base"), "302 http://HOST/");
  });

  it("rewrites of paths", async () => {
    const rewrite = (path: string, by: "string" | "segment", pathRewrite: NonNullable<Parameters<typeof to>[1]>["pathRewrite"]): Route => route({ ...prefix("/"), path: { kind: "prefix", path, by } }, { ...to("a"), ...(pathRewrite === undefined ? {} : { pathRewrite }) });
    const ask = await withRoutes([
      rewrite("/full", "segment", { kind: "full", path: "/a\\1b" }),
      rewrite("/text/", "string", { kind: "prefix", prefix: "/" }),
      rewrite("/seg", "segment", { kind: "prefix", prefix: "/new/" }),
      rewrite("/base.x", "segment", { kind: "prefix", prefix: "/" }),
      rewrite("/re", "string", { kind: "regex", pattern: "^/re/(.*)$", substitution: "/got/\\1" }),
      rewrite("/", "segment", { kind: "prefix", prefix: "/under" }),
    ]);
    const seen = async (path: string): Promise<string | undefined> => (await ask(path)).echo?.url;
    assert.equal(await seen("/full/x?q=1"), "/a\\1b?q=1");
    assert.equal(await seen("/text/x"), "/x");
    assert.equal(await seen("/seg/x"), "/new/x");
    assert.equal(await seen("/seg"), "/new");
    assert.equal(await seen("/base.x/y"), "/y");
    assert.equal(await seen("/base.x"), "/");
    assert.equal(await seen("/re/x"), "/got/x");
    assert.equal(await seen("/y"), "/under/y");
  });

  it("direct responses", async () => {
    const ask = await withRoutes([route(prefix("/"), { kind: "direct-response", status: 418, body: "short and stout" })]);
    const { status, body } = await ask("/");
    assert.deepEqual([status, body], [418, "short and stout"]);
  });

  it("mirrors", async () => {
    const ask = await withRoutes([a("/", { mirrors: [{ cluster: "b", percent: 100 }] }), a("/half", { mirrors: [{ cluster: "b", percent: 0.5 }] })]);
    assert.equal(backendOf(await ask("/")), "a");
    await waitFor(() => mirrored > 0, { what: "the copy arrives", intervalMs: 2 });
  });

  it("retries, timeouts and hash policies are accepted", async () => {
    const hashPolicies = [
      { kind: "header", name: "x-user", terminal: true },
      { kind: "query", name: "u", terminal: false },
      { kind: "source-ip", terminal: false },
      { kind: "cookie", name: "X-Contour-Session-Affinity", path: "/", terminal: false },
    ] as const;
    const ask = await withRoutes([a("/fails", { retry: { on: "5xx", count: 2, perTryTimeoutMs: 100, statusCodes: [], backOffBaseMs: 1 } }), a("/", { responseTimeout: { kind: "off" }, idleTimeout: { kind: "after", ms: 1500 }, hashPolicies })]);
    assert.equal((await ask("/fails")).status, 503);
    assert.equal(backendOf(await ask("/")), "a");
  });

  it("time limits of a route hold however its host was found", async () => {
    for (const [more, change] of [[{}, ""], [{}, "upper"], [{ wildcard: "one-label" }, ""]] as const) {
      const ask = await withRoutes([a("/hangs", { idleTimeout: { kind: "after", ms: 50 } })], more);
      const wish = change === "upper" ? { host: `H${count}.EXAMPLE.com` } : {};
      assert.equal((await ask("/hangs", wish)).status, 504);
    }
    const ask = await withRoutes([a("/hangs", { responseTimeout: { kind: "after", ms: 50 } })]);
    assert.equal((await ask("/hangs")).status, 504);
  });

  it("a WebSocket is let in only where it is wanted, for exact hosts, capital letters and wildcards", async () => {
    const upgrade = { headers: { connection: "Upgrade", upgrade: "websocket" } };
    const routes = [a("/ws", { websocket: true }), a("/")];
    for (const more of [{}, { wildcard: "one-label" } as const]) {
      const ask = await withRoutes(routes, more);
      assert.equal((await ask("/ws", upgrade)).status, 101);
      assert.equal((await ask("/plain", upgrade)).status, 403);
      assert.equal((await ask("/plain")).status, 200);
    }
    const ask = await withRoutes([a("/")]);
    assert.equal((await ask("/", upgrade)).status, 403);
    assert.equal((await ask("/", { ...upgrade, host: `H${count}.EXAMPLE.com` })).status, 403);
  });

  it("a redirect of a backend is followed inside of Envoy", async () => {
    const internalRedirect = { codes: [302], crossScheme: "safe-only", denyRepeatedRoute: true } as const;
    const ask = await withRoutes([a("/internal"), a("/", { internalRedirect })]);
    const answer = await ask("/moved");
    assert.deepEqual([answer.status, answer.echo?.url], [200, "/internal/end"]);
    const wild = await withRoutes([a("/internal"), a("/", { internalRedirect })], { wildcard: "one-label" });
    assert.equal((await wild("/moved")).echo?.url, "/internal/end");
    const far = await ask("/far");
    assert.deepEqual([far.status, far.headers.location], [302, "http://b.example.com/end"], "to another host goes the client itself");
  });
});

describe("policies", () => {
  it("headers of requests and responses", async () => {
    const policies = {
      requestHeaders: { set: [{ name: "x-set", value: "100%% %REQ(X-FROM)%" }], add: [{ name: "x-add", value: "2" }], remove: ["x-remove"] },
      responseHeaders: { set: [{ name: "x-answer", value: "yes" }], add: [], remove: ["content-type"] },
    };
    const ask = await withRoutes([a("/", {}, policies)]);
    const { headers, body } = await ask("/", { headers: { "x-set": "0", "x-add": "1", "x-remove": "1", "x-from": "f" } });
    const seen = (JSON.parse(body) as { headers: Record<string, string> }).headers;
    assert.deepEqual([seen["x-set"], seen["x-add"], seen["x-remove"]], ["100% f", "1, 2", undefined]);
    assert.deepEqual([headers["x-answer"], headers["content-type"]], ["yes", undefined]);
  });

  it("cookies of backends are rewritten, with what users wrote as data", async () => {
    const evil = `/new") os.execute("x`;
    const rewrites = (path: string): Route["policies"] => ({ cookieRewrites: [{ name: "id", path, domain: "new.example", secure: false, sameSite: "Strict" }] });
    const ask = await withRoutes([a("/cookies/evil", {}, rewrites(evil)), a("/cookies/none"), a("/cookies", {}, rewrites("/new")), a("/", {}, rewrites("/new"))]);
    assert.deepEqual((await ask("/cookies")).headers["set-cookie"], ["id=1; HttpOnly; Path=/new; Domain=new.example; SameSite=Strict", "other=2; Path=/stay"]);
    assert.match((await ask("/cookies/evil")).headers["set-cookie"]?.[0] ?? "", /Path=\/new"\) os\.execute\("x;/);
    assert.equal((await ask("/cookies/none")).headers["set-cookie"]?.length, 2);
    assert.equal((await ask("/")).headers["set-cookie"], undefined);
  });

  it("a target's cookie rewrites are joined with those of its route", async () => {
    const target = { cluster: "a", weight: 1, cookieRewrites: [{ name: "id", path: "/target" }] };
    const ask = await withRoutes([route(prefix("/"), { ...to("a"), targets: [target] }, { cookieRewrites: [{ name: "id", path: "/route" }, { name: "other", secure: true }] })]);
    assert.deepEqual((await ask("/cookies")).headers["set-cookie"], ["id=1; Domain=old.example; Secure; HttpOnly; Path=/target", "other=2; Path=/stay; Secure"]);
  });

  it("addresses are let pass or refused; a route's rules replace those of its host", async () => {
    const rules = (action: IpFilter["action"], address: string, source: "peer" | "remote" = "peer"): IpFilter => ({ action, rules: [{ source, address, prefixLength: 8 }] });
    const ask = await withRoutes([a("/open", {}, { ipFilter: rules("allow", "127.0.0.0") }), a("/remote", {}, { ipFilter: rules("deny", "9.0.0.0", "remote") }), a("/")], { ipFilter: rules("deny", "127.0.0.0") });
    assert.equal((await ask("/")).status, 403);
    assert.equal((await ask("/open")).status, 200);
    assert.equal((await ask("/remote")).status, 200);
  });

  it("a local rate limit answers 429 with its headers", async () => {
    const limit: LocalRateLimit = { maxTokens: 2, tokensPerFill: 1, fillIntervalMs: 3_600_000, statusCode: 429, responseHeaders: [{ name: "x-limited", value: "yes" }] };
    const ask = await withRoutes([a("/limited", {}, { localRateLimit: limit }), a("/")]);
    const statuses = [await ask("/limited"), await ask("/limited"), await ask("/limited"), await ask("/")].map(({ status }) => status);
    assert.deepEqual(statuses, [200, 200, 429, 200]);
    assert.equal((await ask("/limited")).headers["x-limited"], "yes");
  });

  it("cross-site requests", async () => {
    const cors: CorsPolicy = { allowOrigins: [{ kind: "exact", origin: "https://Good.example" }, { kind: "regex", pattern: "https://[a-z]+\\.good\\.example" }], allowMethods: ["GET", "PUT"], allowHeaders: ["x-a"], exposeHeaders: ["x-b"], allowCredentials: true, allowPrivateNetwork: false, maxAgeSeconds: 600 };
    for (const more of [{}, { wildcard: "one-label" } as const]) {
      const ask = await withRoutes([a("/get"), a("/")], { ...more, cors });
      const preflight = await ask("/", { method: "OPTIONS", headers: { origin: "https://good.example", "access-control-request-method": "PUT" } });
      assert.deepEqual([preflight.status, preflight.headers["access-control-allow-methods"], preflight.headers["access-control-max-age"], preflight.headers["access-control-allow-credentials"]], [200, "GET,PUT", "600", "true"]);
      assert.equal((await ask("/get", { headers: { origin: "https://sub.good.example" } })).headers["access-control-expose-headers"], "x-b");
      assert.equal((await ask("/get", { headers: { origin: "https://evil.example" } })).headers["access-control-allow-origin"], undefined);
    }
    const any = await withRoutes([a("/")], { cors: { ...cors, allowOrigins: [{ kind: "any" }] } });
    assert.ok((await any("/", { headers: { origin: "https://evil.example" } })).headers["access-control-allow-origin"]);
  });

  it("descriptors for a rate limit service are accepted", async () => {
    const match = { name: "x-a", value: exactly("1"), ...noMatch };
    const descriptors = [[{ kind: "generic-key", value: "v" }, { kind: "remote-address" }, { kind: "request-header", header: "x-a", descriptorKey: "a" }, { kind: "header-value-match", headers: [match], expectMatch: true, value: "m" }]] as const;
    const ask = await withRoutes([a("/off", {}, { globalRateLimit: { kind: "disabled" } }), a("/", {}, { globalRateLimit: { kind: "descriptors", descriptors } })], { globalRateLimit: { kind: "descriptors", descriptors } });
    assert.equal(backendOf(await ask("/")), "a");
  });

  it("answers are compressed for clients that want it", async () => {
    const big = "x".repeat(2000);
    const ask = await withRoutes([a("/json", {}, {}), route(prefix("/plain"), { kind: "direct-response", status: 200, body: big }), a("/charset", {}, { responseHeaders: { set: [{ name: "content-type", value: "text/html; charset=utf-8" }], add: [], remove: [] } }), a("/image", {}, { responseHeaders: { set: [{ name: "content-type", value: "image/png" }], add: [], remove: [] } })]);
    const encoding = async (path: string): Promise<string | undefined> => (await ask(path, { headers: { "accept-encoding": "gzip", "x-big": big } })).headers["content-encoding"];
    assert.equal(await encoding("/plain"), "gzip");
    assert.equal(await encoding("/charset"), "gzip");
    assert.equal(await encoding("/image"), undefined);
  });

  it("a cluster without endpoints answers 503", async () => {
    const ask = await withRoutes([route(prefix("/"), to("none"))]);
    assert.equal((await ask("/")).status, 503);
  });
});
