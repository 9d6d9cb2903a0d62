import { createPrivateKey } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { fail, ok } from "#lib/result";
import type { Result } from "#lib/result";
import { guessForm, readPem, writePem } from "#translate/secrets/pem";

/** Each is tried on each certificate: a stranger may have put in thousands. */
const mostKeys = 8;

/** Reads the private keys of `tls.key`; at least one. The error begins with what is wrong, and says what to do. */
export function readPrivateKeys(text: string): Result<readonly KeyObject[], string> {
  const { blocks, broken } = readPem(text);
  const found = blocks.filter(({ label }) => label.endsWith("PRIVATE KEY"));
  if (found.length === 0) return fail(broken === undefined ? `"tls.key" has no PEM private key: ${guessForm(text, blocks)}` : `"tls.key" is cut off or damaged in its block ${JSON.stringify(broken)}; copy it anew`);
  if (found.length > mostKeys) return fail(`"tls.key" has ${found.length} private keys; leave the one that belongs to the certificate`);
  const plain = found.filter(({ encrypted }) => !encrypted);
  if (plain.length === 0) return fail('the private key in "tls.key" is encrypted; store it without a password (openssl pkey -in tls.key -out plain.key)');
  const keys = plain.map(({ label, der }) => parseKey(writePem(label, der)));
  const readable = keys.filter((key) => key !== undefined);
  return readable.length === 0 ? fail('the private key in "tls.key" cannot be read; copy it anew') : ok(readable);
}

function parseKey(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined;
  }
}
