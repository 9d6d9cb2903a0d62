import { createPrivateKey, createPublicKey, sign } from "node:crypto";
import * as http from "node:http";
import * as https from "node:https";
import { readFileSync } from "node:fs";
import { pemOf } from "./identities.ts";
import { listen } from "./listen.ts";
import type { Peer } from "./listen.ts";

/** Who signs: `token` is known to the stories, `stranger-token` is not. */
export type Signer = "token" | "stranger-token";

function keyOf(signer: Signer) {
  return createPrivateKey(readFileSync(new URL(`../../testdata/certificates/${signer}.key`, import.meta.url)));
}

/** A JSON Web Token (RFC 7519) of ES256. */
export function makeToken(claims: Readonly<Record<string, unknown>>, signer: Signer = "token"): string {
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = `${encode({ alg: "ES256", typ: "JWT", kid: "golden" })}.${encode(claims)}`;
  return `${text}.${sign("sha256", Buffer.from(text), { key: keyOf(signer), dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
}

/** The JSON Web Key Set with the public key. */
export function keySet(): string {
  return JSON.stringify({ keys: [{ ...createPublicKey(keyOf("token")).export({ format: "jwk" }), alg: "ES256", use: "sig", kid: "golden" }] });
}

/** Serves the key set on every path. */
export async function startKeyServer(secure: boolean): Promise<Peer> {
  const listener = (_request: http.IncomingMessage, response: http.ServerResponse): void => void response.writeHead(200, { "content-type": "application/json" }).end(keySet());
  const { certificate, key } = pemOf("backend");
  return listen(secure ? https.createServer({ cert: certificate, key }, listener) : http.createServer(listener));
}
