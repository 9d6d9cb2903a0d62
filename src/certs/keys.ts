import { createPrivateKey, webcrypto } from "node:crypto";
import { PemConverter } from "@peculiar/x509";

/** The kinds of private keys that certificates can have. */
export type KeyType = "ECDSA-P256" | "ECDSA-P384" | "RSA-2048" | "RSA-4096";

const exponent = new Uint8Array([1, 0, 1]);

const ofType = {
  "ECDSA-P256": { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
  "ECDSA-P384": { name: "ECDSA", namedCurve: "P-384", hash: "SHA-384" },
  "RSA-2048": { name: "RSASSA-PKCS1-v1_5", modulusLength: 2048, publicExponent: exponent, hash: "SHA-256" },
  "RSA-4096": { name: "RSASSA-PKCS1-v1_5", modulusLength: 4096, publicExponent: exponent, hash: "SHA-256" },
} as const;

/** Makes a key for a certificate. */
export async function generateKeys(type: KeyType): Promise<webcrypto.CryptoKeyPair> {
  return (await webcrypto.subtle.generateKey(ofType[type], true, ["sign", "verify"])) as webcrypto.CryptoKeyPair;
}

/** A private key as PEM. */
export async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  return `${PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY")}\n`;
}

/** A key that signs, and how. */
export interface Signer {
  readonly key: webcrypto.CryptoKey;
  readonly algorithm: { readonly name: string; readonly hash: string };
}

/** Curves by the names that Node has for them, with the hash that is as strong. */
const curves: Readonly<Record<string, readonly [curve: string, hash: string]>> = { prime256v1: ["P-256", "SHA-256"], secp384r1: ["P-384", "SHA-384"], secp521r1: ["P-521", "SHA-512"] };

/** Reads the key of an authority (PEM). Fails for kinds of keys that few clients could check. */
export async function importSigner(pem: string): Promise<Signer> {
  const key = createPrivateKey(pem);
  const der = new Uint8Array(key.export({ type: "pkcs8", format: "der" }));
  if (key.asymmetricKeyType === "rsa") {
    const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
    return { key: await webcrypto.subtle.importKey("pkcs8", der, algorithm, false, ["sign"]), algorithm };
  }
  const curve = curves[key.asymmetricKeyDetails?.namedCurve ?? ""];
  if (curve === undefined) throw new Error(`a key of type ${key.asymmetricKeyDetails?.namedCurve ?? key.asymmetricKeyType ?? "unknown"} cannot be an authority's; use RSA, or ECDSA with P-256, P-384 or P-521`);
  const [namedCurve, hash] = curve;
  return { key: await webcrypto.subtle.importKey("pkcs8", der, { name: "ECDSA", namedCurve }, false, ["sign"]), algorithm: { name: "ECDSA", hash } };
}
