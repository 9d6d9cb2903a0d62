import { orderSecretType, recordKey } from "#acme/record";
import type { KubeObject } from "#k8s/object";

/** Secrets of these types can hold certificates or keys for us; what is in others never stays in memory. */
const secretTypes = new Set(["kubernetes.io/tls", "Opaque", ""]);
const certificateKeys = new Set(["tls.crt", "tls.key", "ca.crt", "crl.pem"]);
/** Bytes (in base64) up to which another key of an Opaque Secret is kept: JSON Web Key Sets are small. */
const smallKey = 64 * 1024;

type Loose = { metadata: { managedFields?: unknown; annotations?: Record<string, string> }; data?: Record<string, string>; type?: string };

/** Drops what is never looked at, before it is kept: managed fields, the last applied text, contents of foreign Secrets and ConfigMaps. */
export function trimObject(object: KubeObject): KubeObject {
  const loose = object as unknown as Loose;
  delete loose.metadata.managedFields;
  if (loose.metadata.annotations !== undefined) delete loose.metadata.annotations["kubectl.kubernetes.io/last-applied-configuration"];
  if (object.kind === "Secret") return { ...object, data: keep(loose.data, secretKey(loose.type ?? "")) } as unknown as KubeObject;
  if (object.kind === "ConfigMap") return { ...object, data: keep(loose.data, (key) => key === "ca.crt"), binaryData: undefined } as unknown as KubeObject;
  return object;
}

function secretKey(type: string): (key: string, value: string) => boolean {
  // All replicas answer challenges; the private key of an order is the leader's alone.
  if (type === orderSecretType) return (key) => key === recordKey;
  if (!secretTypes.has(type)) return () => false;
  return (key, value) => certificateKeys.has(key) || (type === "Opaque" && value.length <= smallKey);
}

function keep(data: Readonly<Record<string, string>> | undefined, wanted: (key: string, value: string) => boolean): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(data ?? {}).filter(([key, value]) => wanted(key, value)));
}
