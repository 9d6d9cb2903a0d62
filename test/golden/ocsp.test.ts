import assert from "node:assert/strict";
import { execFile, execFileSync, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { connect } from "node:tls";
import { askResponder } from "#app/ocsp/responder";
import { Staples } from "#app/ocsp/staples";
import type { KubeObject } from "#k8s/object";
import { readFiles } from "#sources/file/read";
import { freePort } from "../bed/free-port.ts";
import { waitFor } from "../bed/wait.ts";
import { parsed } from "./parsed.ts";
import { Stage } from "./stage.ts";

const services = readFiles([new URL("../../testdata/golden/httpproxy/tls/manifests/services.yaml", import.meta.url).pathname]).objects;
const proxy = (name: string): KubeObject => parsed({ apiVersion: "projectcontour.io/v1", kind: "HTTPProxy", metadata: { name, namespace: "default" }, spec: { virtualhost: { fqdn: `${name}.example.com`, tls: { secretName: name } }, routes: [{ services: [{ name: "web", port: 80 }] }] } });

/** OpenSSL as an authority with a responder of its own. */
class OpensslAuthority {
  readonly folder = mkdtempSync(join(tmpdir(), "contour-ocsp-"));
  readonly #index = new Map<string, string>();
  #responder: ChildProcess | undefined;
  port = 0;

  run(...args: readonly string[]): void {
    execFileSync("openssl", args, { cwd: this.folder, stdio: ["ignore", "ignore", "pipe"] });
  }

  read(file: string): Buffer {
    return readFileSync(join(this.folder, file));
  }

  async open(): Promise<void> {
    this.port = await freePort();
    this.run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=authority", "-days", "2", "-keyout", "ca.key", "-out", "ca.crt");
  }

  issue(name: string, serial: string, extensions: readonly string[]): void {
    writeFileSync(join(this.folder, "extensions"), [`subjectAltName=DNS:${name}.example.com`, ...extensions].join("\n"));
    this.run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", `/CN=${name}`, "-keyout", `${name}.key`, "-out", "request");
    this.run("x509", "-req", "-in", "request", "-CA", "ca.crt", "-CAkey", "ca.key", "-set_serial", `0x${serial}`, "-days", "1", "-extfile", "extensions", "-out", `${name}.crt`);
    this.#index.set(serial, `V\t991231000000Z\t\t${serial}\tunknown\t/CN=${name}`);
  }

  revoke(serial: string): void {
    this.#index.set(serial, `R\t991231000000Z\t250101000000Z\t${serial}\tunknown\t/CN=revoked`);
  }

  writeIndex(): void {
    writeFileSync(join(this.folder, "index"), [...this.#index.values(), ""].join("\n"));
  }

  secret(name: string, more: object = {}): KubeObject {
    const data = { "tls.crt": Buffer.concat([this.read(`${name}.crt`), this.read("ca.crt")]).toString("base64"), "tls.key": this.read(`${name}.key`).toString("base64"), ...more };
    return parsed({ apiVersion: "v1", kind: "Secret", metadata: { name, namespace: "default", uid: name }, type: "kubernetes.io/tls", data });
  }

  /** Its answers count for two minutes. */
  async respond(): Promise<void> {
    this.writeIndex();
    const responder = spawn("openssl", ["ocsp", "-index", "index", "-port", String(this.port), "-rsigner", "ca.crt", "-rkey", "ca.key", "-CA", "ca.crt", "-nmin", "2", "-ignore_err"], { cwd: this.folder, stdio: ["ignore", "ignore", "pipe"] });
    this.#responder = responder;
    // A connection without a question would stop it for good.
    await new Promise<void>((resolve) => responder.stderr.on("data", (part) => String(part).includes("waiting") && resolve()));
  }

  async silence(): Promise<void> {
    if (this.#responder === undefined || this.#responder.exitCode !== null) return;
    this.#responder.kill("SIGKILL");
    await once(this.#responder, "exit");
  }
}

describe("OCSP staples", { timeout: 120_000 }, () => {
  const stage = new Stage();
  const authority = new OpensslAuthority();
  const troubles: string[] = [];
  let [ahead, published] = [0, 0];
  const staples = new Staples({
    clock: () => Date.now() + ahead,
    responders: () => "all",
    ask: askResponder,
    publish: (secret, staple) => (published++, stage.controller.setStaple(secret, staple)),
    onTrouble: (secret, _responder, reason) => troubles.push(`${secret}: ${reason}`),
  });

  before(async () => {
    await authority.open();
    const responder = `authorityInfoAccess=OCSP;URI:http://127.0.0.1:${authority.port}/`;
    authority.issue("shop", "1001", [responder]);
    authority.issue("strict", "1002", [responder, "tlsfeature=status_request"]);
    authority.issue("own", "1003", ["tlsfeature=status_request"]);
    authority.issue("plain", "1004", []);
    await authority.respond();
    await stage.open();
    stage.onChange = (change) => staples.follow(change.secrets);
  });
  after(async () => {
    await stage.close();
    await authority.silence();
    rmSync(authority.folder, { recursive: true });
  });

  /** The staple that Envoy shows; empty for none, undefined when there is no handshake. */
  function stapleOf(name: string): Promise<string | undefined> {
    return new Promise((resolve) => {
      let staple = "";
      const socket = connect({ host: "127.0.0.1", port: stage.port(8443), servername: `${name}.example.com`, rejectUnauthorized: false, requestOCSP: true }, () => (socket.destroy(), resolve(staple)));
      socket.on("OCSPResponse", (der: Buffer | null) => (staple = der?.toString("base64") ?? ""));
      socket.on("error", () => resolve(undefined));
    });
  }
  const reasons = (name: string): readonly string[] => {
    const [condition] = (stage.statuses.get(`HTTPProxy/default/${name}`)?.status["conditions"] ?? []) as readonly { readonly errors?: readonly { reason: string }[]; readonly warnings?: readonly { reason: string }[] }[];
    return [...(condition?.errors ?? []), ...(condition?.warnings ?? [])].map(({ reason }) => reason);
  };
  const later = (ms: number): void => {
    ahead += ms;
    staples.tick();
  };

  it("are fetched where the certificate names a responder; one that demands a staple waits for it", async () => {
    await stage.play([...services, ...["shop", "strict", "plain"].flatMap((name) => [authority.secret(name), proxy(name)])]);
    for (const name of ["shop", "strict"]) await waitFor(async () => ((await stapleOf(name)) ?? "") !== "", { what: `${name} has a staple`, timeoutMs: 5000, intervalMs: 20 }).catch((error: unknown) => assert.fail(`${String(error)}: ${troubles.join("; ")} ${JSON.stringify(reasons(name))}`));
    assert.equal(await stapleOf("plain"), "");
    assert.deepEqual([reasons("shop"), reasons("strict"), reasons("plain"), troubles, stage.nacks], [[], [], [], [], []]);
  });

  it("are what a public tool takes for one", async () => {
    const told = await new Promise<string>((resolve) => execFile("openssl", ["s_client", "-connect", `127.0.0.1:${stage.port(8443)}`, "-servername", "strict.example.com", "-status", "-CAfile", join(authority.folder, "ca.crt"), "-verify_return_error"], { timeout: 10_000 }, (_error, out) => resolve(out)).stdin?.end());
    assert.match(told, /OCSP Response Status: successful/);
    assert.match(told, /Cert Status: good/);
    assert.match(told, /Verify return code: 0 \(ok\)/);
  });

  it("are fetched anew in the middle of their life", async () => {
    const [first, before] = [await stapleOf("shop"), published];
    later(30_000);
    assert.equal(published, before, "not before");
    // What a responder says has the time in seconds.
    const second = Math.floor(Date.now() / 1000);
    await waitFor(() => Math.floor(Date.now() / 1000) > second + 1, { what: "two seconds are over", intervalMs: 50 });
    later(32_000);
    await waitFor(async () => ![first, "", undefined].includes(await stapleOf("shop")), { what: "another staple", intervalMs: 20 });
  });

  it("are shown until they end when the responder is down", async () => {
    await authority.silence();
    const shown = await stapleOf("shop");
    later(61_000);
    await waitFor(() => troubles.some((one) => one.startsWith("default/shop: ")), { what: "somebody is told", intervalMs: 10 });
    assert.deepEqual([await stapleOf("shop"), reasons("shop")], [shown, []]);
    assert.notEqual(await stapleOf("strict"), "");
  });

  it("of a revoked certificate are not shown, and its users are told", async () => {
    authority.revoke("1001");
    authority.revoke("1002");
    ahead = 0;
    await authority.respond();
    // The same certificates are asked about anew: their Secrets are others.
    for (const name of ["shop", "strict"]) stage.controller.apply([{ type: "delete", ref: { kind: "Secret", namespace: "default", name } as never }]);
    await waitFor(() => reasons("shop").includes("SecretNotValid"), { what: "they are gone", intervalMs: 10 });
    stage.controller.apply(["shop", "strict"].map((name) => ({ type: "upsert", object: authority.secret(name) })));
    await waitFor(() => reasons("shop").includes("CertificateRevoked") && reasons("strict").includes("SecretNotValid"), { what: `they are told: ${JSON.stringify([reasons("shop"), reasons("strict")])}`, intervalMs: 10 });
    await waitFor(async () => (await stapleOf("shop")) === "" && (await stapleOf("strict")) === undefined, { what: "shop has no staple, strict is not served", intervalMs: 20 });
  });

  it("are taken from the Secret, if they are about its certificate", async () => {
    authority.writeIndex();
    authority.run("ocsp", "-issuer", "ca.crt", "-cert", "own.crt", "-no_nonce", "-reqout", "question");
    authority.run("ocsp", "-index", "index", "-rsigner", "ca.crt", "-rkey", "ca.key", "-CA", "ca.crt", "-reqin", "question", "-respout", "answer", "-ndays", "1");
    const answer = authority.read("answer").toString("base64");
    stage.controller.apply([authority.secret("own"), proxy("own")].map((object) => ({ type: "upsert", object })));
    assert.deepEqual(reasons("own"), ["SecretNotValid"]);
    stage.controller.apply([{ type: "upsert", object: authority.secret("own", { "tls.ocsp-staple": answer }) }]);
    await waitFor(async () => (await stapleOf("own")) === answer, { what: "the Secret's staple", intervalMs: 20 });
    assert.deepEqual(reasons("own"), []);
    stage.controller.apply([{ type: "upsert", object: authority.secret("plain", { "tls.ocsp-staple": answer }) }]);
    assert.deepEqual(reasons("plain"), ["StapleNotValid"]);
    assert.equal(await stapleOf("plain"), "");
    assert.deepEqual(stage.nacks, []);
  });
});
