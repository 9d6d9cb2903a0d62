import { orderSecretName, readCertificate } from "#acme/certificate";
import type { SecretState } from "#acme/plan";
import { issuedLabel, issuerAnnotation, orderSecretType, parseRecord, recordKey } from "#acme/record";
import type { OrderRecord } from "#acme/record";
import { revocationReason, revokeAnnotation } from "#acme/revocation";
import { statusOf } from "#sources/kubernetes/api-error";
import type { ApiClient } from "#sources/kubernetes/client";
import type { CertificateRequest } from "#translate/certificates/request";

/** A Secret as the API server has it; values are base64. */
export interface SecretObject {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly resourceVersion?: string; readonly labels?: Readonly<Record<string, string>>; readonly annotations?: Readonly<Record<string, string>> };
  readonly type?: string;
  readonly data?: Readonly<Record<string, string>>;
}

/** A Secret with a certificate as it was read: a later one is not overwritten. */
export interface HeldSecret {
  readonly state: SecretState;
  /** PEM; absent where there is none. */
  readonly chain?: string;
  readonly object?: SecretObject;
}

/** An order as its Secret keeps it. */
export interface StoredOrder {
  readonly record: OrderRecord;
  /** The private key of the certificate that is ordered (PEM); absent while there is no order. */
  readonly key?: string;
  /** Which replicas' Envoys answer the challenges, by replica: see `ReplicaMarks`. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** A certificate as it is written down. */
export interface IssuedCertificate {
  /** PEM, like the others. */
  readonly chain: string;
  readonly key: string;
  readonly by: "acme" | "authority";
  /** What clients have to trust. */
  readonly trusted?: string;
}

const managedBy = { "app.kubernetes.io/managed-by": "contour" };

/** Where certificates, orders and accounts are kept: Secrets, read and written one by one. */
export class CertificateSecrets {
  readonly #client: ApiClient;
  /** The namespace of orders. */
  readonly #namespace: string;

  constructor(client: ApiClient, namespace: string) {
    this.#client = client;
    this.#namespace = namespace;
  }

  async readOrder(namespace: string, name: string): Promise<StoredOrder | undefined> {
    const secret = await this.#get(this.#namespace, orderSecretName(namespace, name));
    const record = secret?.type === orderSecretType ? parseRecord(decode(secret, recordKey)) : undefined;
    if (secret === undefined || record === undefined) return undefined;
    const key = decode(secret, "tls.key");
    return { record, ...(key === "" ? {} : { key }), annotations: secret.metadata.annotations ?? {} };
  }

  /** Replaces what is known of an order, and with it who has said to answer its challenges. */
  async writeOrder(record: OrderRecord, key: string | undefined): Promise<void> {
    const name = orderSecretName(record.certificate.namespace, record.certificate.name);
    const data = encodeAll({ [recordKey]: JSON.stringify(record), ...(key === undefined ? {} : { "tls.key": key }) });
    const body = { apiVersion: "v1", kind: "Secret", type: orderSecretType, metadata: { name, namespace: this.#namespace, labels: managedBy, annotations: { "projectcontour.io/certificate": `${record.certificate.namespace}/${record.certificate.name}` } }, data };
    const path = `/api/v1/namespaces/${this.#namespace}/secrets`;
    await this.#client.call({ method: "PUT", path: `${path}/${name}`, body }).catch((error: unknown) => (statusOf(error) === 404 ? this.#client.call({ method: "POST", path, body }) : Promise.reject(error)));
  }

  async forgetOrder(namespace: string, name: string): Promise<void> {
    await this.#client.call({ method: "DELETE", path: `/api/v1/namespaces/${this.#namespace}/secrets/${orderSecretName(namespace, name)}` }).catch((error: unknown) => (statusOf(error) === 404 ? undefined : Promise.reject(error)));
  }

  async readCertificate(namespace: string, name: string): Promise<HeldSecret> {
    const object = await this.#get(namespace, name);
    if (object === undefined) return { state: { kind: "absent" } };
    const { labels = {}, annotations = {} } = object.metadata;
    // Who else keeps it valid is not fought with.
    if (labels[issuedLabel] === undefined || annotations["cert-manager.io/certificate-name"] !== undefined) return { state: { kind: "foreign" }, object };
    const chain = decode(object, "tls.crt");
    const certificate = readCertificate(chain);
    const revocation = revocationReason(annotations[revokeAnnotation]);
    return { state: { kind: "ours", issuer: annotations[issuerAnnotation] ?? "", ...(certificate === undefined ? {} : { certificate }), ...(certificate === undefined || revocation === undefined ? {} : { revocation }) }, chain, object };
  }

  /** Puts a certificate in its place, if that is still as it was when the order began. `by` is the kind of issuer; an authority of the cluster is shown beside what it signs. */
  async writeCertificate({ namespace, name, issuer }: CertificateRequest, held: HeldSecret, { chain, key, by, trusted }: IssuedCertificate): Promise<void> {
    const base = held.object?.metadata;
    const { [revokeAnnotation]: _revoked, ...annotations } = base?.annotations ?? {};
    const metadata = { ...base, name, namespace, labels: { ...base?.labels, ...managedBy, [issuedLabel]: by }, annotations: { ...annotations, [issuerAnnotation]: issuer } };
    const body = { apiVersion: "v1", kind: "Secret", type: held.object?.type ?? "kubernetes.io/tls", metadata, data: { ...held.object?.data, ...encodeAll({ "tls.crt": chain, "tls.key": key, ...(trusted === undefined ? {} : { "ca.crt": trusted }) }) } };
    const path = `/api/v1/namespaces/${namespace}/secrets`;
    await this.#client.call(held.object === undefined ? { method: "POST", path, body } : { method: "PUT", path: `${path}/${name}`, body });
  }

  /** One text of a Secret; fails where it is not there. */
  async readText(namespace: string, { name, key }: { readonly name: string; readonly key: string }): Promise<string> {
    const secret = await this.#get(namespace, name);
    const text = secret === undefined ? "" : decode(secret, key).trim();
    if (text === "") throw new Error(secret === undefined ? `there is no Secret ${JSON.stringify(`${namespace}/${name}`)}` : `Secret ${JSON.stringify(`${namespace}/${name}`)} has nothing under ${JSON.stringify(key)}`);
    return text;
  }

  /** The key of an account, made on first use: the Secret of whoever was first counts. */
  async accountKey(namespace: string, name: string, create: () => Promise<string>): Promise<string> {
    const known = await this.#get(namespace, name);
    if (known !== undefined && decode(known, accountKeyName) !== "") return decode(known, accountKeyName);
    if (known !== undefined) throw new Error(`Secret ${JSON.stringify(`${namespace}/${name}`)} has no account key under ${JSON.stringify(accountKeyName)}; name another one in accountSecretName`);
    const key = await create();
    return this.create({ namespace, name, type: "projectcontour.io/acme-account", annotations: {}, texts: { [accountKeyName]: key } }).then(
      () => key,
      async (error: unknown) => (statusOf(error) === 409 ? this.accountKey(namespace, name, create) : Promise.reject(error)),
    );
  }

  /** A Secret; undefined where it is not there. */
  async read(namespace: string, name: string): Promise<SecretObject | undefined> {
    return this.#get(namespace, name);
  }

  /** Makes a Secret; fails where there is one. */
  async create({ namespace, name, type, annotations, texts }: { readonly namespace: string; readonly name: string; readonly type: string; readonly annotations: Readonly<Record<string, string>>; readonly texts: Readonly<Record<string, string>> }): Promise<void> {
    await this.#client.call({ method: "POST", path: `/api/v1/namespaces/${namespace}/secrets`, body: { apiVersion: "v1", kind: "Secret", type, metadata: { name, namespace, labels: managedBy, annotations }, data: encodeAll(texts) } });
  }

  /** Replaces what is in a Secret, if it is still as it was read. */
  async write(object: SecretObject, texts: Readonly<Record<string, string>>): Promise<void> {
    const { namespace, name } = object.metadata;
    await this.#client.call({ method: "PUT", path: `/api/v1/namespaces/${namespace}/secrets/${name}`, body: { ...object, data: encodeAll(texts) } });
  }

  async #get(namespace: string, name: string): Promise<SecretObject | undefined> {
    return this.#client.call<SecretObject>({ path: `/api/v1/namespaces/${namespace}/secrets/${name}` }).catch((error: unknown) => (statusOf(error) === 404 ? undefined : Promise.reject(error)));
  }
}

const accountKeyName = "account.key";

function decode({ data = {} }: SecretObject, key: string): string {
  return Buffer.from(data[key] ?? "", "base64").toString("utf8");
}

function encodeAll(texts: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, Buffer.from(text).toString("base64")]));
}
