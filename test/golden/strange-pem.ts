import { readFileSync } from "node:fs";

/** The same with another version in it, which can be read, and which Envoy does not take. `version` is the DER of the one it has, as hexadecimal digits. */
export function withVersion5(pem: string, label: string, version: string): string {
  const der = Buffer.from(pem.replaceAll(/-----.*-----/g, ""), "base64");
  der[der.indexOf(Buffer.from(version, "hex")) + version.length / 2 - 1] = 5;
  return `-----BEGIN ${label}-----\n${der.toString("base64")}\n-----END ${label}-----\n`;
}

/** A revocation list of the test authority that passes our checks, and that Envoy refuses. */
export const strangeList: string = withVersion5(readFileSync(new URL("../../testdata/certificates/authority.crl.pem", import.meta.url), "utf8"), "X509 CRL", "020101");
