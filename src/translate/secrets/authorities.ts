import { X509Certificate } from "node:crypto";
import { AsnConvert } from "@peculiar/asn1-schema";
import { Certificate, CertificateList } from "@peculiar/asn1-x509";
import type { Name } from "@peculiar/asn1-x509";
import { fail, ok } from "#lib/result";
import type { Result } from "#lib/result";
import { guessForm, readPem, writePem } from "#translate/secrets/pem";
import type { PemBlock } from "#translate/secrets/pem";

/** A bundle of authorities or of revocation lists that Envoy takes. */
export interface ExaminedPem {
  readonly pem: string;
  /** What of it ends, and when. */
  readonly ends: readonly { readonly what: string; readonly at: number }[];
  /** What is odd with it at any time. */
  readonly remarks: readonly string[];
}

/** Reads the authorities of `ca.crt`. */
export function examineAuthorities(text: string | undefined): Result<ExaminedPem, string> {
  return examine("ca.crt", text, ["CERTIFICATE", "X509 CERTIFICATE"], "certificate", ({ der }) => {
    const certificate = new X509Certificate(der);
    const what = `the authority ${JSON.stringify(certificate.subject?.replaceAll("\n", ", ") ?? "")}`;
    const remark = certificate.ca ? [] : [`${what} is no authority (basic constraints), and nobody passes by it who shows another certificate`];
    return { pem: writePem("CERTIFICATE", certificate.raw), ends: [{ what, at: certificate.validToDate.getTime() }], remarks: remark };
  });
}

/** Reads the revocation lists of `crl.pem`. */
export function examineRevocations(text: string | undefined): Result<ExaminedPem, string> {
  return examine("crl.pem", text, ["X509 CRL"], "revocation list", ({ der }, number) => {
    const next = AsnConvert.parse(der, CertificateList).tbsCertList.nextUpdate?.getTime();
    return { pem: writePem("X509 CRL", der), ends: next === undefined ? [] : [{ what: `revocation list ${number}`, at: next.getTime() }], remarks: [] };
  });
}

function examine(key: string, text: string | undefined, labels: readonly string[], what: string, read: (block: PemBlock, number: number) => ExaminedPem): Result<ExaminedPem, string> {
  if (text === undefined || text.trim() === "") return fail(`has nothing under ${JSON.stringify(key)}`);
  const { blocks, broken } = readPem(text);
  const found = blocks.filter(({ label }) => labels.includes(label));
  if (broken !== undefined) return fail(`: ${JSON.stringify(key)} is cut off or damaged in its block ${JSON.stringify(broken)}, number ${blocks.length + 1}; copy it anew`);
  if (found.length === 0) return fail(`: ${JSON.stringify(key)} has no PEM ${what}: ${guessForm(text, blocks)}`);
  const parts: ExaminedPem[] = [];
  for (const [i, block] of found.entries()) {
    try {
      parts.push(read(block, i + 1));
    } catch {
      return fail(`: ${what} ${i + 1} of ${found.length} in ${JSON.stringify(key)} cannot be read; copy it anew`);
    }
  }
  return ok({ pem: parts.map(({ pem }) => pem).join(""), ends: parts.flatMap(({ ends }) => ends), remarks: parts.flatMap(({ remarks }) => remarks) });
}

/** An error that begins with what is wrong, as a sentence about the object that has it. */
export function aboutOwner<T>(owner: string, result: Result<T, string>): Result<T, string> {
  return result.ok ? result : fail(`${owner}${result.error.startsWith(":") ? "" : " "}${result.error}`);
}

/** The authorities of a bundle that no revocation list of another is from: Envoy lets nobody by who comes from these. */
export function authoritiesWithoutList(authorities: string, lists: string): readonly string[] {
  const issuers = new Set(readPem(lists).blocks.map(({ der }) => nameKey(AsnConvert.parse(der, CertificateList).tbsCertList.issuer)));
  const without = readPem(authorities).blocks.filter(({ der }) => !issuers.has(nameKey(AsnConvert.parse(der, Certificate).tbsCertificate.subject)));
  return without.map(({ der }) => JSON.stringify(new X509Certificate(der).subject?.replaceAll("\n", ", ") ?? ""));
}

function nameKey(name: Name): string {
  return Buffer.from(AsnConvert.serialize(name)).toString("latin1");
}
