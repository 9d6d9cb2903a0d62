import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { createAuthority, issueCertificate } from "#certs/authority";

/** Leaves live this long, in days; a new one is made at each start. */
const leafDays = 30;

/** A certificate with its key, as PEM. */
export interface IssuedCertificate {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

/** The certificate authority of this machine. */
export interface LocalCa {
  /** The file to trust. */
  readonly certificateFile: string;
  /** Whether it was made just now. */
  readonly created: boolean;
  /** Gives a certificate for hosts, `*.` wildcards included. */
  issue(hosts: readonly string[]): Promise<IssuedCertificate>;
}

/** Where the authority of this machine lives: $XDG_DATA_HOME or ~/.local/share, contour/ca. */
export function localCaFolder(env: NodeJS.ProcessEnv): string {
  return join(env["XDG_DATA_HOME"] ?? join(homedir(), ".local", "share"), "contour", "ca");
}

/** Opens the authority of a folder, made when there is none. It is never installed anywhere: that is the user's decision. */
export async function openLocalCa({ folder, now }: { readonly folder: string; readonly now: () => number }): Promise<LocalCa> {
  const certificateFile = join(folder, "ca.crt");
  const keyFile = join(folder, "ca.key");
  const created = !existsSync(certificateFile) || !existsSync(keyFile);
  if (created) {
    const { certificate, key } = await createAuthority("CN=Contour local authority, O=Contour on this machine", now());
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(keyFile, key, { mode: 0o600 });
    writeFileSync(certificateFile, certificate);
  }
  const authority = { certificate: readFileSync(certificateFile, "utf8"), key: readFileSync(keyFile, "utf8") };
  return {
    certificateFile,
    created,
    async issue([first = "localhost", ...others]) {
      const { certificate, key } = await issueCertificate(authority, { use: "server", dnsName: first, otherDnsNames: others, subject: "O=Contour on this machine", days: leafDays }, now());
      return { certificatePem: certificate, privateKeyPem: key };
    },
  };
}

/** How to trust the authority where `trustStores` knows no store. */
export function trustInstructions(certificateFile: string, platform: NodeJS.Platform): readonly string[] {
  if (platform === "darwin") return [`sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain ${certificateFile}`];
  return [`sudo trust anchor ${certificateFile}   # Fedora, Arch`];
}
