import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { openLocalCa } from "#certs/local-ca";

const contour = join(import.meta.dirname, "../../bin/contour");
/** The system's authorities are a copy that only this shell and what it starts sees. */
const isolated = ["--map-root-user", "--mount", "sh", "-euc"];
const copyStores = `for real in /etc/ssl /usr/local/share/ca-certificates; do mkdir -p "$COPY$real"; cp -a "$real/." "$COPY$real/" 2>/dev/null || true; mount --bind "$COPY$real" "$real"; done`;
const possible = spawnSync("unshare", [...isolated, "command -v update-ca-certificates && command -v curl"]).status === 0;

describe("contour ca", { skip: possible ? false : "needs Linux with update-ca-certificates, curl and namespaces" }, () => {
  const folder = mkdtempSync(join(tmpdir(), "contour-ca-test-"));
  const env = { ...process.env, CONTOUR: contour, COPY: join(folder, "copy"), HOME: join(folder, "home"), XDG_DATA_HOME: join(folder, "data"), SSL_CERT_FILE: undefined, CURL_CA_BUNDLE: undefined };
  const server = createServer((_request, response) => void response.end("served"));
  before(async () => {
    const { issue } = await openLocalCa({ folder: join(env.XDG_DATA_HOME, "contour/ca"), now: Date.now });
    const { certificatePem, privateKeyPem } = await issue(["localhost"]);
    server.setSecureContext({ cert: certificatePem, key: privateKeyPem });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
  });
  after(() => {
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const shell = async (script: string): Promise<{ readonly out: string; readonly code: number | null }> => {
    const port = String((server.address() as AddressInfo).port);
    const child = spawn("unshare", [...isolated, `${copyStores}\nask() { curl -sS -o /dev/null -w '%{http_code}\\n' "https://localhost:$PORT/" || echo "curl $?"; }\n${script}`], { env: { ...env, PORT: port }, stdio: ["ignore", "pipe", "pipe"] });
    let out = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (out += String(text)));
    const [code] = (await once(child, "close")) as [number | null];
    return { out, code };
  };

  it("changes nothing unless told, then is believed by curl, then is not any more", { timeout: 60_000 }, async () => {
    const { out, code } = await shell(`
echo "before: $(ask 2>/dev/null)"
"$CONTOUR" ca trust
echo "only shown: $(ask 2>/dev/null)"
update-ca-certificates
before=$(ls /usr/local/share/ca-certificates /etc/ssl/certs | sort)
"$CONTOUR" ca trust --yes
echo "trusted: $(ask)"
"$CONTOUR" ca show --output json
"$CONTOUR" ca trust --yes
"$CONTOUR" ca untrust
echo "still trusted: $(ask)"
"$CONTOUR" ca untrust --yes
echo "untrusted: $(ask 2>/dev/null)"
[ "$before" = "$(ls /usr/local/share/ca-certificates /etc/ssl/certs | sort)" ] && echo "as it was"
"$CONTOUR" ca untrust --yes
"$CONTOUR" ca show`);
    assert.equal(code, 0, out);
    const marks = out.split("\n").filter((line) => /^(before|only shown|trusted|still trusted|untrusted|as it was|it is trusted already|nobody trusts it|nothing was changed|trusted by)\b/.test(line));
    assert.deepEqual(marks, [
      "before: 000", "nothing was changed; --yes runs these commands", "only shown: 000", "trusted: 200", "it is trusted already",
      "nothing was changed; --yes runs these commands", "still trusted: 200", "untrusted: 000", "as it was", "nobody trusts it", "trusted by   nobody",
    ], out);
    const shown = JSON.parse(out.split("\n").find((line) => line.startsWith("{")) ?? "") as { readonly file: string; readonly fingerprint: string; readonly trustedBy: readonly string[] };
    assert.deepEqual([shown.file, shown.trustedBy], [join(env.XDG_DATA_HOME, "contour/ca/ca.crt"), ["the system's authorities (update-ca-certificates)"]]);
    assert.match(out, /install -m 0644 .*\/contour\/ca\/ca\.crt \/usr\/local\/share\/ca-certificates\/contour-local-[0-9a-f]{16}\.crt/);
  });

  it("leaves the root of another user of the machine alone", { timeout: 60_000 }, async () => {
    await openLocalCa({ folder: join(folder, "other/contour/ca"), now: Date.now });
    const { out, code } = await shell(`
"$CONTOUR" ca trust --yes
XDG_DATA_HOME=${join(folder, "other")} "$CONTOUR" ca trust --yes
XDG_DATA_HOME=${join(folder, "other")} "$CONTOUR" ca untrust --yes
echo "mine: $(ask)"`);
    assert.equal(code, 0, out);
    assert.match(out, /mine: 200/);
  });

  it("says when there is none", () => {
    const { status, stderr } = spawnSync(contour, ["ca", "show"], { env: { ...env, XDG_DATA_HOME: join(folder, "nothing") }, encoding: "utf8" });
    assert.deepEqual([status, stderr], [1, "contour ca: this machine has no authority yet; contour run, or contour ca trust, makes it\n"]);
  });
});
