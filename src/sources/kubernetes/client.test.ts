import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { createApiClient } from "#sources/kubernetes/client";
import { inClusterAccess } from "#sources/kubernetes/in-cluster";
import { kubeconfigAccess } from "#sources/kubernetes/kubeconfig-access";

// The API server is played here: a real one does not tell which credentials it got.

const folder = mkdtempSync(join(tmpdir(), "contour-client-"));
const seen: string[] = [];
let accepted = "Bearer one";
const server = createServer((request, response) => {
  const shown = request.headers.authorization ?? "none";
  seen.push(shown);
  const ok = shown === accepted;
  response.writeHead(ok ? 200 : 401, { "content-type": "application/json" }).end(JSON.stringify(ok ? { fine: request.headers["user-agent"] } : { kind: "Status", reason: "Unauthorized", message: "who are you?" }));
});

function kubeconfig(user: object): string {
  const path = join(folder, "kubeconfig");
  writeFileSync(path, JSON.stringify({ "current-context": "c", contexts: [{ name: "c", context: { cluster: "k", user: "u" } }], clusters: [{ name: "k", cluster: { server: `http://127.0.0.1:${(server.address() as AddressInfo).port}` } }], users: [{ name: "u", user }] }));
  return path;
}

describe("a client of the API server", () => {
  let now = 0;
  before(async () => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
  });
  after(() => {
    server.close();
    server.closeAllConnections();
    rmSync(folder, { recursive: true });
  });
  beforeEach(() => {
    seen.length = 0;
    accepted = "Bearer one";
  });

  it("reads a token file again when the token is refused, and when it is old", async () => {
    writeFileSync(join(folder, "token"), "one\n");
    const client = createApiClient({ access: kubeconfigAccess({ path: kubeconfig({ tokenFile: "token" }), env: {}, clock: () => now }), userAgent: "test" });
    assert.deepEqual(await client.call({ path: "/x" }), { fine: "test" });
    accepted = "Bearer two";
    writeFileSync(join(folder, "token"), "two\n");
    await client.call({ path: "/x" });
    writeFileSync(join(folder, "token"), "three\n");
    await client.call({ path: "/x" });
    now += 11_000;
    accepted = "Bearer three";
    await client.call({ path: "/x" });
    assert.deepEqual(seen, ["Bearer one", "Bearer one", "Bearer two", "Bearer two", "Bearer three"]);
    client.close();
  });

  it("asks a credential plugin, and asks it again when what it gave is refused", async () => {
    writeFileSync(join(folder, "plugin"), `#!/bin/sh\nprintf '{"status":{"token":"%s"}}' "$(cat ${join(folder, "plugin-token")})"\n`, { mode: 0o755 });
    writeFileSync(join(folder, "plugin-token"), "one");
    const exec = { apiVersion: "client.authentication.k8s.io/v1", command: join(folder, "plugin") };
    const client = createApiClient({ access: kubeconfigAccess({ path: kubeconfig({ exec }), env: process.env, clock: () => now }), userAgent: "test" });
    await client.call({ path: "/x" });
    accepted = "Bearer two";
    writeFileSync(join(folder, "plugin-token"), "two");
    await client.call({ path: "/x" });
    assert.deepEqual(seen, ["Bearer one", "Bearer one", "Bearer two"]);
    client.close();
  });

  it("says in the API server's words what is wrong", async () => {
    const client = createApiClient({ access: kubeconfigAccess({ path: kubeconfig({ token: "bad" }), env: {}, clock: () => now }), userAgent: "test" });
    await assert.rejects(client.call({ path: "/x" }), { name: "ApiError", status: 401, reason: "Unauthorized", message: "who are you?" });
    client.close();
  });

  it("uses the service account of a pod", async () => {
    for (const [name, text] of [["token", "one"], ["ca.crt", "PEM"], ["namespace", "contour"]] as const) writeFileSync(join(folder, name), text);
    const access = inClusterAccess({ env: { KUBERNETES_SERVICE_HOST: "::1", KUBERNETES_SERVICE_PORT: "6443" }, clock: () => now, folder });
    assert.deepEqual([access.server, access.namespace, await access.credentials()], ["https://[::1]:6443", "contour", { ca: "PEM", authorization: "Bearer one" }]);
  });

  it("explains a kubeconfig that does not fit", () => {
    const access = (path: string, context?: string): unknown => kubeconfigAccess({ path, env: {}, clock: () => now, ...(context === undefined ? {} : { context }) });
    assert.throws(() => access(join(folder, "none")), /there is no kubeconfig at .*none; name one with --kubeconfig or KUBECONFIG/);
    assert.throws(() => access(kubeconfig({}), "other"), /has no context "other" \(it has: c\)/);
  });
});
