import { dirname, join } from "node:path";
import { packAny } from "#envoy/any";
import { toCanonicalJson } from "#envoy/json";
import { ApiVersion } from "#gen/envoy/envoy/config/core/v3/config_source";
import { SubjectAltNameMatcher_SanType as SanType } from "#gen/envoy/envoy/extensions/transport_sockets/tls/v3/common";
import type { DeepPartial } from "#gen/envoy/envoy/extensions/transport_sockets/tls/v3/tls";
import { Secret } from "#gen/envoy/envoy/extensions/transport_sockets/tls/v3/secret";
import type { CommonTlsContext } from "#gen/envoy/envoy/extensions/transport_sockets/tls/v3/tls";
import { DiscoveryResponse } from "#gen/envoy/envoy/service/discovery/v3/discovery";

/** The files that Envoy shows itself to the controller with, and knows the controller by. */
export interface XdsTlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;
  /** A folder for secret files, which Envoy watches; without it a new certificate is used only after a restart. */
  readonly resourcesDir?: string;
}

const certificateName = "contour_xds_tls_certificate";
const validationName = "contour_xds_tls_validation_context";
// The name in the certificate that `contour certgen` makes for the controller.
const controllerName = "contour";

/** A file to write beside the bootstrap. */
export interface BootstrapFile {
  readonly path: string;
  readonly text: string;
}

/** Gives the secret files that the bootstrap refers to: none without a folder for them. */
export function secretFiles(tls: XdsTlsFiles): readonly BootstrapFile[] {
  if (tls.resourcesDir === undefined) return [];
  return [
    { path: certificatePath(tls.resourcesDir), text: secretText({ name: certificateName, type: { $case: "tlsCertificate", value: certificateOf(tls) } }) },
    { path: validationPath(tls.resourcesDir), text: secretText({ name: validationName, type: { $case: "validationContext", value: validationOf(tls) } }) },
  ];
}

/** Gives the part of the TLS settings that says where certificate, key and authority come from. */
export function tlsByFiles(tls: XdsTlsFiles): DeepPartial<CommonTlsContext> {
  if (tls.resourcesDir === undefined) {
    return { tlsCertificates: [certificateOf(tls)], validationContextType: { $case: "validationContext", value: validationOf(tls) } };
  }
  const certificate = { name: certificateName, sdsConfig: fromPath(certificatePath(tls.resourcesDir)) };
  const validation = { name: validationName, sdsConfig: fromPath(validationPath(tls.resourcesDir)) };
  return { tlsCertificateSdsSecretConfigs: [certificate], validationContextType: { $case: "validationContextSdsSecretConfig", value: validation } };
}

function certificatePath(folder: string): string {
  return join(folder, "sds", "xds-tls-certificate.json");
}

function validationPath(folder: string): string {
  return join(folder, "sds", "xds-validation-context.json");
}

function fromPath(path: string) {
  return { configSourceSpecifier: { $case: "pathConfigSource" as const, value: { path } }, resourceApiVersion: ApiVersion.V3 };
}

// The folder of a mounted Secret is swapped as a whole, which Envoy only notices when told to watch the folder.
function certificateOf({ certFile, keyFile, resourcesDir }: XdsTlsFiles) {
  const watchedDirectory = resourcesDir === undefined ? {} : { watchedDirectory: { path: dirname(certFile) } };
  return { certificateChain: fileSource(certFile), privateKey: fileSource(keyFile), ...watchedDirectory };
}

function validationOf({ caFile, resourcesDir }: XdsTlsFiles) {
  const watchedDirectory = resourcesDir === undefined ? {} : { watchedDirectory: { path: dirname(caFile) } };
  const matcher = { matchPattern: { $case: "exact" as const, value: controllerName } };
  return { trustedCa: fileSource(caFile), matchTypedSubjectAltNames: [{ sanType: SanType.DNS, matcher }], ...watchedDirectory };
}

function fileSource(path: string) {
  return { specifier: { $case: "filename" as const, value: path } };
}

function secretText(secret: DeepPartial<Secret>): string {
  const response = DiscoveryResponse.fromPartial({ resources: [packAny(Secret, secret)] });
  const value = toCanonicalJson(DiscoveryResponse.$type, DiscoveryResponse.encode(response).finish());
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
