import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { after, before, describe, it } from "node:test";
import * as tls from "node:tls";
import { Sensitive } from "#lib/sensitive";
import type { CertificateSecret } from "#model/secret";
import { createAuthority } from "../bed/pki.ts";
import type { Authority, KeyPairPem } from "../bed/pki.ts";
import { freePorts } from "../bed/free-port.ts";
import { send } from "./client.ts";
import type { Answer, Wish } from "./client.ts";
import { cluster, endpoints, host, listener, origin, prefix, route, secureHost, termination, to } from "./model.ts";
import { startBackend, startRig } from "./rig.ts";
import type { Backend, Rig } from "./rig.ts";

const secure = "ingress_https";
const forward = { subject: true, cert: false, chain: false, dns: false, uri: false };
const key = Buffer.from("a key that is long enough for HS256");

let rig: Rig;
let backend: Backend;
let bytes: Server;
let secretBackend: tls.Server;
let client: KeyPairPem;
let stranger: KeyPairPem;
let ports = { secure: 0, proxied: 0, tcp: 0, empty: 0, star: 0, stats: 0, admin: 0, health: 0, overloadHealth: 0 };

before(async () => {
  const [authority, other] = [await createAuthority("test"), await createAuthority("other")];
  [client, stranger] = [await authority.issue({ subject: "CN=client", use: "client" }), await other.issue({ subject: "CN=stranger", use: "client" })];
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0, i = 0] = await freePorts(9);
  ports = { secure: a, proxied: b, tcp: c, empty: d, star: e, stats: f, admin: g, health: h, overloadHealth: i };
  backend = await startBackend("a");
  bytes = await listening(createServer((socket) => socket.end("bytes")));
  const own = await authority.issue({ subject: "CN=backend-itself", use: "server" });
  secretBackend = await listening(tls.createServer({ cert: own.certificate, key: own.key }, (socket) => socket.end("secret bytes")));
  rig = await startRig();
  await rig.apply(await world(authority));
});

async function world(authority: Authority) {
  const all = [route(prefix("/"), to("a"))];
  const ca = authority.certificate;
  const validation = { caCertificates: ca, onlyVerifyLeafCrl: false };
  const jwks = JSON.stringify({ keys: [{ kty: "oct", alg: "HS256", k: key.toString("base64url") }] });
  const guarded = { guards: [{ kind: "jwt", provider: { id: "idp", name: "idp", default: true, issuer: "https://idp.example", audiences: ["shop"], forward: false, keys: { kind: "local", jwks } } }] } as const;
  const proxy = (name: string) => ({ targets: [{ cluster: name, weight: 1 }], idleTimeoutMs: 9_001_000, origin });
  const hosts = ["mutual", "optional", "asked", "jwt", "new"].map((name) => `${name}.example.com`);
  return {
    listeners: [
      {
        listener: listener(secure, "https", ports.secure),
        tlsHosts: [
          secureHost(secure, "mutual.example.com", termination("cert", { clientValidation: { ...validation, mode: "required", forward } })),
          secureHost(secure, "optional.example.com", termination("cert", { clientValidation: { ...validation, mode: "optional", forward } })),
          secureHost(secure, "asked.example.com", termination("cert", { clientValidation: { onlyVerifyLeafCrl: false, mode: "request-without-verification", forward } })),
          { ...secureHost(secure, "jwt.example.com", termination("cert")), filters: guarded },
          secureHost(secure, "new.example.com", termination("cert", { minimumVersion: "1.3" })),
          { kind: "tcp-terminated", listener: secure, host: "tcp.example.com", tls: termination("cert"), proxy: proxy("bytes"), origin },
          { kind: "passthrough", listener: secure, host: "pass.example.com", proxy: { ...proxy("secret"), targets: [{ cluster: "secret", weight: 3 }, { cluster: "secret", weight: 1 }] }, origin },
        ],
      },
      { listener: listener("http-proxied", "http", ports.proxied, { proxyProtocol: true }) },
      { listener: listener("tcp-9000", "tcp", ports.tcp), tlsHosts: [{ kind: "passthrough", listener: "tcp-9000", host: "*", proxy: proxy("bytes"), origin }] },
      { listener: listener("https-empty", "https", ports.empty) },
      { listener: listener("https-star", "https", ports.star), tlsHosts: [secureHost("https-star", "*", termination("cert")), secureHost("https-star", "one.example.com", termination("cert"))] },
    ],
    hosts: [
      ...hosts.map((name) => host(secure, name, name.startsWith("jwt") ? [route(prefix("/open"), to("a"), { jwt: { kind: "none" } }), route(prefix("/"), to("a"), { jwt: { kind: "require", provider: "idp" } })] : all, { requireSni: true })),
      host("http-proxied", "proxied.example.com", [route(prefix("/"), to("a"), { ipFilter: { action: "allow", rules: [{ source: "remote", address: "9.9.9.9", prefixLength: 32 }] } })]),
      host("https-star", "*", all, { requireSni: true }),
      host("https-star", "one.example.com", all, { requireSni: true }),
    ],
    secrets: [await secret(authority, "cert")],
    clusters: [cluster("a"), cluster("bytes"), cluster("secret")],
    endpoints: [endpoints("a", backend.port), endpoints("bytes", portOf(bytes)), endpoints("secret", portOf(secretBackend))],
    statics: { stats: { address: "127.0.0.1", port: ports.stats }, adminPort: ports.admin, health: { address: "127.0.0.1", port: ports.health }, overloadHealth: { address: "127.0.0.1", port: ports.overloadHealth } },
  } as const;
}

async function secret(authority: Authority, name: string): Promise<CertificateSecret> {
  const { certificate, key: privateKey } = await authority.issue({ subject: `CN=${name}`, use: "server" });
  return { name, certificateChain: certificate, privateKey: new Sensitive(privateKey), expiresAt: 4e12, origin };
}

async function listening<S extends Server>(server: S): Promise<S> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

after(async () => {
  await rig?.stop();
  await backend?.close();
  bytes?.close();
  secretBackend?.close();
});

const ask = (name: string, wish: Partial<Wish> = {}): Promise<Answer> => send({ port: ports.secure, host: name, sni: name, ...wish });

/** What a connection says before it ends. */
async function read(socket: Socket): Promise<string> {
  let text = "";
  socket.setEncoding("utf8");
  for await (const part of socket) text += String(part);
  return text;
}

function token(claims: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part({ iss: "https://idp.example", aud: "shop", ...claims })}`;
  return `${signed}.${createHmac("sha256", key).update(signed).digest("base64url")}`;
}

describe("clients that show certificates", () => {
  it("must, where that is required", async () => {
    assert.equal((await ask("mutual.example.com", { identity: client })).echo?.headers["x-forwarded-client-cert"]?.includes('Subject="CN=client"'), true);
    await assert.rejects(ask("mutual.example.com"));
    await assert.rejects(ask("mutual.example.com", { identity: stranger }));
  });

  it("may, where that is optional, but only good ones", async () => {
    assert.equal((await ask("optional.example.com")).status, 200);
    assert.equal((await ask("optional.example.com", { identity: client })).status, 200);
    await assert.rejects(ask("optional.example.com", { identity: stranger }));
  });

  it("may show any where somebody else verifies", async () => {
    assert.equal((await ask("asked.example.com")).status, 200);
    assert.match((await ask("asked.example.com", { identity: stranger })).echo?.headers["x-forwarded-client-cert"] ?? "", /CN=stranger/);
  });

  it("cannot reach a host that requires them over another host's chain", async () => {
    assert.equal((await ask("mutual.example.com", { sni: "optional.example.com" })).status, 421);
  });
});

describe("JSON Web Tokens", () => {
  const bearer = (text: string): Partial<Wish> => ({ headers: { authorization: `Bearer ${text}` } });
  it("are required unless a route lifts that", async () => {
    assert.equal((await ask("jwt.example.com")).status, 401);
    assert.equal((await ask("jwt.example.com", bearer(token({})))).status, 200);
    assert.equal((await ask("jwt.example.com", bearer(token({ aud: "other" })))).status, 403);
    assert.equal((await ask("jwt.example.com", { path: "/open" })).status, 200);
  });

  it("cannot be avoided over another host's chain", async () => {
    assert.equal((await ask("jwt.example.com", { sni: "new.example.com" })).status, 421);
  });
});

describe("connections that carry bytes", () => {
  it("TLS ended here", async () => {
    const socket = tls.connect({ port: ports.secure, host: "127.0.0.1", servername: "tcp.example.com", rejectUnauthorized: false });
    assert.equal(await read(socket), "bytes");
  });

  it("TLS passed through", async () => {
    const socket = tls.connect({ port: ports.secure, host: "127.0.0.1", servername: "pass.example.com", rejectUnauthorized: false });
    await once(socket, "secureConnect");
    assert.equal(socket.getPeerCertificate().subject.CN, "backend-itself");
    assert.equal(await read(socket), "secret bytes");
  });

  it("plain TCP", async () => assert.equal(await read(connect(ports.tcp, "127.0.0.1")), "bytes"));
});

describe("listeners", () => {
  it("a host's minimum version of TLS holds", async () => {
    const socket = tls.connect({ port: ports.secure, host: "127.0.0.1", servername: "new.example.com", rejectUnauthorized: false, maxVersion: "TLSv1.2" });
    await assert.rejects(once(socket, "secureConnect"));
    assert.equal((await ask("new.example.com")).status, 200);
  });

  it("believe the PROXY protocol where it is spoken", async () => {
    const socket = connect(ports.proxied, "127.0.0.1");
    socket.write("PROXY TCP4 9.9.9.9 127.0.0.1 1234 80\r\nGET / HTTP/1.1\r\nhost: proxied.example.com\r\nconnection: close\r\n\r\n");
    assert.match(await read(socket), /^HTTP\/1\.1 200 /);
  });

  it("close connections when they have no host", async () => {
    const socket = tls.connect({ port: ports.empty, host: "127.0.0.1", servername: "x.example.com", rejectUnauthorized: false });
    await assert.rejects(once(socket, "secureConnect"));
  });

  it("may serve every host, with or without SNI", async () => {
    assert.equal((await ask("any.org", { port: ports.star })).status, 200);
    assert.equal((await ask("any.org", { port: ports.star, sni: "" })).status, 200);
    assert.equal((await ask("any.org", { port: ports.star, sni: "one.example.com" })).status, 421);
  });

  it("serve readiness by itself where it is wanted apart", async () => {
    for (const port of [ports.health, ports.overloadHealth]) {
      assert.equal((await send({ port, host: "health", path: "/ready" })).status, 200);
      assert.equal((await send({ port, host: "health", path: "/stats" })).status, 404);
    }
  });

  it("serve readiness and metrics, and the part of the admin interface that changes nothing", async () => {
    const stats = (path: string, method = "GET"): Promise<Answer> => send({ port: ports.stats, host: "stats", path, method });
    const admin = (path: string, method = "GET"): Promise<Answer> => send({ port: ports.admin, host: "admin", path, method });
    assert.equal((await stats("/ready")).status, 200);
    assert.match((await stats("/stats/prometheus")).body, /envoy_http_downstream_rq_total\{envoy_http_conn_manager_prefix="ingress_https"\}/);
    assert.equal((await stats("/quitquitquit", "POST")).status, 404);
    assert.equal((await admin("/server_info")).status, 200);
    assert.equal((await admin("/ready?x")).status, 200);
    assert.equal((await admin("/config_dump/x")).status, 404);
    assert.equal((await admin("/quitquitquit", "POST")).status, 404);
    assert.equal((await admin("/ready", "POST")).status, 404);
  });
});
