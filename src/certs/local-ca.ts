import "reflect-metadata";
import { webcrypto, createPrivateKey } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { BasicConstraintsExtension, ExtendedKeyUsage, ExtendedKeyUsageExtension, KeyUsageFlags, KeyUsagesExtension, PemConverter, SubjectAlternativeNameExtension, X509Certificate, X509CertificateGenerator, cryptoProvider } from "@peculiar/x509";

cryptoProvider.set(webcrypto as unknown as Crypto);

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const dayMs = 86_400_000;
/** Leaves live this long; a new one is made at each start. */
const leafDays = 30;
const rootDays = 3650;

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
  /** Gives a certificate for a host, `*.` wildcards included. */
  issue(host: string): Promise<IssuedCertificate>;
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
  if (created) await createRoot(folder, certificateFile, keyFile, now());
  const root = new X509Certificate(readFileSync(certificateFile, "utf8"));
  const signingKey = await importKey(readFileSync(keyFile, "utf8"));
  return { certificateFile, created, issue: (host) => issueLeaf(host, root, signingKey, now()) };
}

async function createRoot(folder: string, certificateFile: string, keyFile: string, now: number): Promise<void> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: "CN=Contour local authority, O=Contour on this machine",
    notBefore: new Date(now - dayMs),
    notAfter: new Date(now + rootDays * dayMs),
    signingAlgorithm: algorithm,
    keys,
    extensions: [new BasicConstraintsExtension(true, 0, true), new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true)],
  });
  writeFileSync(keyFile, await exportKey(keys.privateKey), { mode: 0o600 });
  writeFileSync(certificateFile, `${certificate.toString("pem")}\n`);
}

async function issueLeaf(host: string, root: X509Certificate, signingKey: webcrypto.CryptoKey, now: number): Promise<IssuedCertificate> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: "O=Contour on this machine",
    issuer: root.subject,
    notBefore: new Date(now - dayMs),
    notAfter: new Date(now + leafDays * dayMs),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension([{ type: "dns", value: host }], true),
    ],
  });
  return { certificatePem: `${certificate.toString("pem")}\n`, privateKeyPem: await exportKey(keys.privateKey) };
}

function serial(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  bytes[0] = (bytes[0] ?? 0) & 0x7f;
  return Buffer.from(bytes).toString("hex");
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  return `${PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY")}\n`;
}

async function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(pem).export({ type: "pkcs8", format: "der" });
  return webcrypto.subtle.importKey("pkcs8", new Uint8Array(der), algorithm, false, ["sign"]);
}

/** How to make browsers and tools trust the authority, per system. */
export function trustInstructions(certificateFile: string, platform: NodeJS.Platform): readonly string[] {
  if (platform === "darwin") return [`sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain ${certificateFile}`];
  return [`sudo cp ${certificateFile} /usr/local/share/ca-certificates/contour-local.crt && sudo update-ca-certificates   # Debian, Ubuntu`, `sudo trust anchor ${certificateFile}   # Fedora, Arch`];
}
