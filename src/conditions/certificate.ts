/** What can be odd with a certificate that is served all the same; the first of several is the one that an object's condition is named after. */
export const certificateWarnings = ["CertificateKept", "CertificateExpired", "CertificateNotYetValid", "CertificateRevoked", "CertificateNameMismatch", "CertificateWeak", "CertificateChain", "StapleNotValid", "StapleExpired", "CertificateEndsSoon"] as const;

/** Names what is odd. */
export type CertificateWarningReason = (typeof certificateWarnings)[number];

/** One thing that is odd with a certificate, for whoever uses it. */
export interface CertificateWarning {
  readonly reason: CertificateWarningReason;
  readonly message: string;
}

/** What can be odd with authorities or revocation lists that are used all the same. */
export const trustWarnings = ["AuthorityExpired", "AuthorityUnusable", "RevocationListExpired", "RevocationListMissing"] as const;

/** One thing that is odd with what other certificates are checked against. */
export interface TrustWarning {
  readonly reason: (typeof trustWarnings)[number];
  readonly message: string;
}
