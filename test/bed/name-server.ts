import { randomBytes } from "node:crypto";
import { promises } from "node:dns";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nameServerProgram } from "./cache.ts";
import { freePorts } from "./free-port.ts";
import { startProcess } from "./process.ts";
import { waitFor } from "./wait.ts";

/** The algorithms of the keys that the name server knows, each under its own name. */
export const signatures = ["hmac-sha256", "hmac-sha384", "hmac-sha512"] as const;

/** A real name server (BIND), for one zone that takes signed updates. */
export interface NameServer {
  readonly address: string;
  /** Keys in base64; the name of each is that of its algorithm. */
  readonly keys: Readonly<Record<(typeof signatures)[number], string>>;
  /** The values of a TXT record. */
  texts(name: string): Promise<readonly string[]>;
  log(): string;
  stop(): Promise<void>;
}

/** Starts it and waits until it answers. */
export async function startNameServer(zone: string): Promise<NameServer> {
  const [port = 0] = await freePorts(1);
  const folder = mkdtempSync(join(tmpdir(), "contour-named-"));
  const keys = Object.fromEntries(signatures.map((name) => [name, randomBytes(32).toString("base64")])) as NameServer["keys"];
  const granted = signatures.map((name) => `grant "${name}" zonesub TXT;`).join(" ");
  writeFileSync(join(folder, "zone"), `$TTL 60\n@ IN SOA ns admin 1 60 60 60 60\n@ IN NS ns\nns IN A 127.0.0.1\n`);
  writeFileSync(join(folder, "named.conf"), `
${signatures.map((name) => `key "${name}" { algorithm ${name}; secret "${keys[name]}"; };`).join("\n")}
options { directory "${folder}"; pid-file none; session-keyfile "${folder}/session.key"; listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; }; recursion no; dnssec-validation no; notify no; };
controls { };
zone "${zone}" { type primary; file "${folder}/zone"; update-policy { ${granted} }; };
`);
  const { path, env } = nameServerProgram();
  const named = startProcess({ name: "named", command: path, args: ["-g", "-n", "1", "-c", join(folder, "named.conf")], logPath: join(folder, "named.log"), env });
  const resolver = new promises.Resolver({ timeout: 1000, tries: 2 });
  resolver.setServers([`127.0.0.1:${port}`]);
  const stop = async (): Promise<void> => (await named.stop(), rmSync(folder, { recursive: true }));
  await waitFor(() => resolver.resolveSoa(zone).catch(() => undefined), { what: "the name server answers" }).catch(async (error: unknown) => {
    const log = named.logTail();
    await stop();
    throw new Error(`${String(error)}\n${log}`);
  });
  const none = (error: NodeJS.ErrnoException): readonly string[][] => {
    if (error.code !== "ENOTFOUND" && error.code !== "ENODATA") throw error;
    return [];
  };
  return { address: `127.0.0.1:${port}`, keys, texts: async (name) => (await resolver.resolveTxt(name).catch(none)).map((parts) => parts.join("")), log: () => named.logTail(), stop };
}
