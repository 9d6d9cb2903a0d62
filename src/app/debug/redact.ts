const redacted = "[redacted]";
/** Properties that hold keys: of certificates, and of those who sign tokens. */
const keyProperties = new Set(["privateKey", "private_key", "jwks", "localJwks", "local_jwks"]);
/** Names of headers, fields of a context and the like whose texts let somebody in. */
const sensitiveName = /token|passw|secret$|api[-_]?key|credential|cookie$|authorization$/i;
const pemKey = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g;
const bearer = /\b(Bearer|Basic) [\w.~+/=-]{8,}/g;
/** Three parts of base64url, the first of which is a JSON object: a JSON Web Token. */
const webToken = /\beyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*/g;

/** The private members of a JSON Web Key (RFC 7517), also where the JSON is itself in a JSON text. */
const webKey = /(\\?"(?:k|d|p|q|dp|dq|qi)\\?"\s*:\s*\\?")[^"\\]+/g;

/** A text without private keys and without credentials as HTTP carries them. */
export function redactText(text: string): string {
  return text.length < 12 ? text : text.replaceAll(pemKey, redacted).replaceAll(bearer, `$1 ${redacted}`).replaceAll(webToken, redacted).replaceAll(webKey, `$1${redacted}`);
}

/** A copy of plain data in which nothing lets anybody in: keys, tokens, and the values of headers that carry them. */
export function redactSecrets(value: unknown): unknown {
  if (typeof value === "string") return redactText(value);
  if (Array.isArray(value)) return value.map(redactSecrets);
  if (typeof value !== "object" || value === null) return value;
  if ("toJSON" in value && typeof value.toJSON === "function") return value.toJSON();
  const { name, key, header } = value as { readonly name?: unknown; readonly key?: unknown; readonly header?: unknown };
  const names = [name, key, header].some((text) => typeof text === "string" && sensitiveName.test(text));
  return Object.fromEntries(Object.entries(value).map(([property, inner]) => [property, isSecret(property, inner, names) ? redacted : redactSecrets(inner)]));
}

function isSecret(property: string, value: unknown, named: boolean): boolean {
  if (keyProperties.has(property)) return true;
  if (named && (property === "value" || property === "exact" || property === "stringMatch")) return true;
  return typeof value === "string" && sensitiveName.test(property) && !property.endsWith("Name");
}
