import { parseRecord, recordKey } from "#acme/record";
import type { Challenge, OrderRecord } from "#acme/record";
import { commonFleet, inFleet, splitFleet } from "#model/fleet";
import { Sensitive } from "#lib/sensitive";
import type { Settings } from "#settings/settings";
import type { Emit, Reader, Rule } from "#store/family";
import { family } from "#store/family";
import { certificatesWanted, listeners, objectKey, objects, orderSecrets, virtualHosts } from "#translate/facts";
import { listenerInUse } from "#translate/ingress-listeners";
import { ingressHttp, ingressHttps } from "#translate/listener-names";
import { emitTlsHost } from "#translate/tls-hosts";

/** What is known of orders. Bucket: `namespace/name` of the Secret that the certificate is for. */
export const orderRecords = family<OrderRecord>("order-record");

/** A challenge that Envoys answer, and the fleets that do in any case. */
interface HostChallenge {
  readonly challenge: Exclude<Challenge, { readonly kind: "dns-01" }>;
  readonly fleets: readonly string[];
}

/** Bucket: host. */
const challenges = family<HostChallenge>("challenge");

/** What a host answers at `/.well-known/acme-challenge/TOKEN`. Bucket: the name of its scope. */
export const challengeAnswers = family<{ readonly token: string; readonly answer: string }>("challenge-answer");

/** Listeners that carry HTTP, by their names as known in all fleets. One bucket, "". */
export const httpListeners = family<{ readonly name: string; readonly tls: boolean }>("http-listener");

/** Reads the records of orders. They are in the controller's namespace only: who could write one could answer for every host. */
export function readOrders(settings: Settings): Rule {
  return {
    name: "read-order",
    over: orderSecrets,
    derive(bucket, read, emit) {
      const encoded = bucket.startsWith(`${settings.controllerNamespace}/`) ? read.one(objects("Secret"), bucket)?.data?.[recordKey] : undefined;
      const record = encoded === undefined ? undefined : parseRecord(Buffer.from(encoded, "base64").toString("utf8"));
      if (record === undefined) return;
      emit(orderRecords, objectKey(record.certificate.namespace, record.certificate.name), record);
      for (const challenge of record.order?.challenges ?? []) if (challenge.kind !== "dns-01") emit(challenges, challenge.host, { challenge, fleets: record.fleets });
    },
  };
}

/** Hosts without TLS, or without routes, have to be found for their challenges all the same. */
export const listenForChallenges: Rule = {
  name: "challenge-listener",
  over: challenges,
  derive(host, read, emit) {
    for (const { challenge, fleets } of read.all(challenges, host)) if (fleets.includes(commonFleet)) emit(listenerInUse, challenge.kind === "http-01" ? ingressHttp : ingressHttps, true);
  },
};

/** Knows the listeners by which challenges can come in. */
export const indexHttpListeners: Rule = {
  name: "index-http-listener",
  over: listeners,
  derive(name, read, emit) {
    const protocol = read.one(listeners, name)?.protocol;
    if (protocol === "http" || protocol === "https") emit(httpListeners, "", { name, tls: protocol === "https" });
  },
};

/** Has every fleet that serves a host answer its challenges: nobody knows to which of them the server's name leads. */
export const answerChallenges: Rule = {
  name: "answer-challenge",
  over: challenges,
  derive(host, read, emit) {
    const all = read.all(httpListeners, "").map(({ name, tls }) => ({ name, tls, fleet: splitFleet(name).fleet, known: read.any(virtualHosts, `${name}|${host}`) }));
    const serving = new Set(all.filter(({ known }) => known).map(({ fleet }) => fleet));
    for (const { challenge, fleets } of read.all(challenges, host)) {
      const meant = all.filter(({ fleet }) => fleets.includes(fleet) || serving.has(fleet));
      if (challenge.kind === "tls-alpn-01") for (const { name } of meant.filter(({ tls }) => tls)) showCertificate(emit, name, challenge);
      // A redirect to https, of whatever stands in front, is followed, too.
      else for (const { name } of meant.filter(({ tls, known }) => !tls || known)) emit(challengeAnswers, `${name}|${host}`, { token: challenge.token, answer: challenge.answer });
    }
  },
};

/** The name of the certificate that answers a TLS-ALPN-01 challenge. No namespace has a dot in its name: so no Secret of a user is called this. */
export function challengeSecret(host: string): string {
  return `acme.challenge/${host}`;
}

function showCertificate(emit: Emit, qualified: string, { host, certificate, key, expiresAt }: Extract<Challenge, { readonly kind: "tls-alpn-01" }>): void {
  const { fleet, name: listener } = splitFleet(qualified);
  const secret = challengeSecret(host);
  const origin = { kind: "Challenge", namespace: "", name: host };
  emit(certificatesWanted, inFleet(fleet, secret), { name: secret, certificateChain: certificate, privateKey: new Sensitive(key), expiresAt, origin });
  emitTlsHost(emit, qualified, { kind: "tls-alpn-challenge", listener, host, certificate: secret, origin });
}

/** What is known of the order for a Secret. */
export function orderOf(read: Reader, namespace: string, name: string): OrderRecord | undefined {
  return read.one(orderRecords, objectKey(namespace, name));
}
