/** The annotation of a Secret that has its certificate replaced and revoked; its value is the reason. */
export const revokeAnnotation = "projectcontour.io/revoke";

/** The reasons that a holder can give, by their numbers (RFC 5280, section 5.3.1). */
const reasons = { unspecified: 0, keyCompromise: 1, affiliationChanged: 3, superseded: 4, cessationOfOperation: 5 } as const;

/** Why a certificate is revoked: its number. */
export type RevocationReason = (typeof reasons)[keyof typeof reasons];

/** The reason that an annotation gives; no reason for a word that is none. Undefined without the annotation. */
export function revocationReason(text: string | undefined): RevocationReason | undefined {
  if (text === undefined) return undefined;
  return Object.entries(reasons).find(([name]) => name === text)?.[1] ?? reasons.unspecified;
}
