import type { KeyObject } from "node:crypto";

/** How many bytes the public key of each curve has at most that Envoy can serve with, when the curve is named (RFC 5480). */
const curves: Readonly<Record<string, number>> = { prime256v1: 91, secp384r1: 120, secp521r1: 158 };

/** The largest exponent that BoringSSL takes. */
const largestExponent = 2n ** 33n - 1n;

/** Why Envoy would refuse to serve with a key of this kind, and what to do; undefined when it does not. */
export function refusedKeyKind(key: KeyObject): string | undefined {
  const { modulusLength = 0, publicExponent = 0n, namedCurve = "" } = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case "rsa":
      if (modulusLength < 2048) return `an RSA key of ${modulusLength} bits, and Envoy wants at least 2048`;
      if (modulusLength > 16_384) return `an RSA key of ${modulusLength} bits, and Envoy takes at most 16384`;
      return publicExponent > largestExponent || publicExponent < 3n ? `an RSA key with the exponent ${publicExponent}, and Envoy takes 65537 and its like` : undefined;
    case "ec":
      if (!(namedCurve in curves)) return `a key on the curve ${namedCurve}, and Envoy takes P-256, P-384 and P-521`;
      return key.export({ type: "spki", format: "der" }).length <= (curves[namedCurve] ?? 0) ? undefined : "a key that spells its curve out, and Envoy takes curves by their names only";
    case "ed25519":
      return undefined;
    default:
      return `a key of the kind ${key.asymmetricKeyType ?? "unknown"}, and Envoy takes RSA and ECDSA`;
  }
}
