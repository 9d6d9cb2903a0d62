import type { X509Certificate } from "node:crypto";

/** A server's chain in the order in which clients want it. */
export interface OrderedChain {
  /** The server's own certificate, then those that issued it, then theirs. */
  readonly related: readonly X509Certificate[];
  /** Certificates that issued none of the others, in the order that they had. */
  readonly unrelated: readonly X509Certificate[];
  /** Whether the order was another one. */
  readonly reordered: boolean;
}

/** Puts each certificate behind those that it issued. Of several that fit (an authority signed by two others) all stay. */
export function orderChain(written: readonly X509Certificate[], leaf: X509Certificate): OrderedChain {
  const rest = new Set(written.filter((certificate, i) => certificate !== leaf && written.findIndex((other) => other.raw.equals(certificate.raw)) === i && !certificate.raw.equals(leaf.raw)));
  const related = [leaf];
  for (const subject of related) {
    for (const issuer of rest) {
      if (!issued(subject, issuer)) continue;
      rest.delete(issuer);
      related.push(issuer);
    }
  }
  const kept = written.filter((certificate) => related.includes(certificate));
  return { related, unrelated: [...rest], reordered: kept.some((certificate, i) => certificate !== related[i]) };
}

function issued(subject: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return subject.checkIssued(issuer) && subject.verify(issuer.publicKey);
  } catch {
    // A key of a kind that nobody here can check with.
    return false;
  }
}
