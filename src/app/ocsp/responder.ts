import { lookup } from "node:dns";
import type { LookupAddress, LookupOptions } from "node:dns";
import { request as httpRequest } from "node:http";
import type { IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import ipaddr from "ipaddr.js";

/** Which responders may be asked: those with public addresses on the usual ports, or all. */
export type ResponderChoice = "public" | "all";

const silenceMs = 10_000;
const largestAnswer = 64 * 1024;

/**
 * Asks an OCSP responder (RFC 6960, appendix A). Its address stands in a certificate, which anybody can make who may
 * create a Secret: so what is not public is left alone unless the operator says otherwise, and no redirect is followed.
 */
export async function askResponder(address: string, question: Uint8Array, choice: ResponderChoice): Promise<Uint8Array> {
  const url = new URL(address);
  const refused = choice === "public" ? refusal(url) : undefined;
  if (refused !== undefined) throw new Error(refused);
  const send = url.protocol === "https:" ? httpsRequest : httpRequest;
  const headers = { "content-type": "application/ocsp-request", "content-length": question.length, "user-agent": "contour" };
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const sent = send(url, { method: "POST", headers, agent: false, signal: AbortSignal.timeout(silenceMs), ...(choice === "public" ? { lookup: lookupPublic } : {}) }, resolve);
    sent.on("error", reject);
    sent.end(question);
  });
  if (answer.statusCode !== 200) {
    answer.destroy();
    throw new Error(`it answers with status ${answer.statusCode}`);
  }
  return readAnswer(answer);
}

function refusal({ hostname, port }: URL): string | undefined {
  const host = hostname.replace(/^\[|\]$/g, "");
  if (ipaddr.isValid(host) && !isPublic(host)) return notPublic(host);
  return port === "" ? undefined : `port ${port} is not asked (tls.ocsp-stapling: PublicResponders)`;
}

function isPublic(address: string): boolean {
  return ipaddr.process(address).range() === "unicast";
}

function notPublic(host: string): string {
  return `${host} is at no public address, and is not asked (tls.ocsp-stapling: PublicResponders)`;
}

type Found = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void;

/** The connection goes to the very address that was looked at: a name cannot become another one in between. */
function lookupPublic(host: string, options: LookupOptions, found: Found): void {
  lookup(host, { ...options, all: true }, (error, addresses) => {
    if (error !== null) return found(error, []);
    const fit = addresses.filter(({ address }) => isPublic(address));
    const [first] = fit;
    if (first === undefined) return found(new Error(notPublic(host)), []);
    if (options.all === true) found(null, fit);
    else found(null, first.address, first.family);
  });
}

async function readAnswer(answer: IncomingMessage): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of answer) {
    size += (part as Buffer).length;
    if (size > largestAnswer) throw new Error(`its answer is larger than ${largestAnswer} bytes`);
    parts.push(part as Buffer);
  }
  return new Uint8Array(Buffer.concat(parts));
}
