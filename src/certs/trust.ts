import { X509Certificate } from "node:crypto";

/** A place where a machine, or a browser, keeps the authorities that it trusts. */
export interface TrustStore {
  /** For people. */
  readonly name: string;
  /** Whether changing it takes an administrator. */
  readonly administrator: boolean;
  /** The commands, as arguments, that add the authority. */
  readonly add: readonly (readonly string[])[];
  /** The commands that take it out again, and nothing else. */
  readonly remove: readonly (readonly string[])[];
  /** Prints the authority (PEM) if it is there. */
  readonly look: readonly string[];
}

/** What decides which stores a machine has. */
export interface Machine {
  readonly home: string;
  readonly exists: (path: string) => boolean;
  /** Whether a program is found. */
  readonly has: (program: string) => boolean;
}

/** The short name of an authority: roots of several users of a machine stand beside each other. */
export function authorityId(certificate: string): string {
  return new X509Certificate(certificate).fingerprint256.replaceAll(":", "").slice(0, 16).toLowerCase();
}

/** The stores of a machine that an authority can be put into. */
export function trustStores(certificateFile: string, id: string, { home, exists, has }: Machine): readonly TrustStore[] {
  return [...(has("update-ca-certificates") ? [debianStore(certificateFile, id)] : []), ...(has("certutil") ? [".pki/nssdb", "snap/chromium/current/.pki/nssdb"].filter((folder) => exists(`${home}/${folder}`)).map((folder) => nssStore(certificateFile, id, `${home}/${folder}`)) : [])];
}

/** Debian, Ubuntu: what curl, Python, Go and most others believe. */
function debianStore(certificateFile: string, id: string): TrustStore {
  const file = `/usr/local/share/ca-certificates/contour-local-${id}.crt`;
  return {
    name: "the system's authorities (update-ca-certificates)",
    administrator: true,
    add: [["install", "-m", "0644", certificateFile, file], ["update-ca-certificates"]],
    // Without --fresh the links to the file would stay.
    remove: [["rm", "-f", file], ["update-ca-certificates", "--fresh"]],
    // The link that update-ca-certificates makes: the file alone says nothing.
    look: ["cat", `/etc/ssl/certs/contour-local-${id}.pem`],
  };
}

/** A database of NSS: what Chromium believes. */
function nssStore(certificateFile: string, id: string, folder: string): TrustStore {
  const certutil = ["certutil", "-d", `sql:${folder}`];
  const name = ["-n", `Contour local authority ${id}`];
  return { name: `the browser's authorities in ${folder} (certutil)`, administrator: false, add: [[...certutil, "-A", "-t", "C,,", ...name, "-i", certificateFile]], remove: [[...certutil, "-D", ...name]], look: [...certutil, "-L", "-a", ...name] };
}
