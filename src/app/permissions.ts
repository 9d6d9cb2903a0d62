import { authoritySecret } from "#app/xds-identity";
import { xdsSecretNames } from "#certs/xds-secrets";
import { kinds } from "#k8s/kinds";
import type { KindName } from "#k8s/kinds";

/** One rule of RBAC. */
export interface Permission {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

/** What a command has to be allowed: in the whole cluster, and in its own namespace. */
export interface Permissions {
  readonly cluster: readonly Permission[];
  readonly namespace: readonly Permission[];
}

/** What a controller for Gateways alone does not look at. */
export const ofIngress: readonly KindName[] = ["Ingress", "IngressClass", "HTTPProxy", "TLSCertificateDelegation"];

/** Kinds with a status that somebody else writes, or nobody. */
const statusOfOthers: readonly KindName[] = ["ContourDeployment", "TLSCertificateDelegation"];

/** What `contour serve` calls. */
export function servePermissions({ lease = "leader-elect" }: { readonly lease?: string } = {}): Permissions {
  const watched = Object.values(kinds).map(({ kind }) => kind);
  return { cluster: [...watching(watched), telling], namespace: [...leading(lease), ...xdsRotation] };
}

/** What `contour serve --secret-namespaces` calls: in each of these namespaces it has to be allowed `secretPermissions`. */
export function namedSecretsServePermissions(): Permissions {
  const { cluster, namespace } = servePermissions();
  return { cluster: cluster.map((rule) => ({ ...rule, resources: rule.resources.filter((resource) => resource !== "secrets") })).filter(({ resources }) => resources.length > 0), namespace };
}

/** What has to be allowed in each namespace whose Secrets are read. */
export const secretPermissions: readonly Permission[] = [{ apiGroups: [""], resources: ["secrets"], verbs: ["list", "watch"] }];

/** What `contour gateway-provisioner` calls. */
export function provisionerPermissions({ lease = "0d879e31.projectcontour.io" }: { readonly lease?: string } = {}): Permissions {
  const watched = Object.values(kinds).map(({ kind }) => kind).filter((kind) => kind !== "ContourConfiguration" && !ofIngress.includes(kind));
  return { cluster: [...watching(watched), ...provisioning], namespace: leading(lease) };
}

/** What `contour serve --provision-gateways` calls. */
export function provisioningServePermissions(): Permissions {
  const { cluster, namespace } = servePermissions();
  return { cluster: [...cluster, ...provisioning], namespace };
}

/** What issuing certificates takes on top of `contour serve`: Secrets of who asks, and those of CertificateIssuers, are in any namespace. Nobody's Secrets are deleted. */
export function issuingPermissions(): Permissions {
  return { cluster: keptCertificates, namespace: orders };
}

/** The same where it is limited to named namespaces: these have to be allowed `keptCertificates`. */
export function namedIssuingPermissions(): Permissions {
  const [secrets, ...others] = orders;
  return { cluster: [], namespace: [{ apiGroups: [""], resources: ["secrets"], verbs: ["create", "get", "list", "update", "watch", ...(secrets?.verbs ?? [])].toSorted() }, ...others] };
}

/** Certificates that are kept valid. */
export const keptCertificates: readonly Permission[] = [{ apiGroups: [""], resources: ["secrets"], verbs: ["create", "get", "update"] }];

/** Orders of certificates, which all replicas answer for, and the Leases by which those know each other. */
const orders: readonly Permission[] = [
  { apiGroups: [""], resources: ["secrets"], verbs: ["delete", "patch"] },
  { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["create", "delete", "list", "patch"] },
];

/** What issuing takes on top of `contour gateway-provisioner`, which has Secrets of Gateways in all namespaces anyway. */
export function provisionerIssuingPermissions(): Permissions {
  return { cluster: [{ apiGroups: [""], resources: ["secrets"], verbs: ["update"] }], namespace: orders.slice(1) };
}

/** What `contour certgen --kube --overwrite` calls, in its own namespace. */
export function certgenPermissions(): Permissions {
  const secrets = { apiGroups: [""], resources: ["secrets"] };
  return { cluster: [], namespace: [...authority, { ...secrets, resourceNames: Object.values(xdsSecretNames), verbs: ["update"] }] };
}

/** What `contour doctor` calls, with the rights of who runs it. To run its probe beside Envoys is to run a program in their pods. */
export function doctorPermissions(): Permissions {
  return {
    cluster: [
      ...rules(Object.values(kinds).map(({ kind }) => kind), ["list"]),
      { apiGroups: [""], resources: ["nodes", "pods"], verbs: ["list"] },
      { apiGroups: ["apps"], resources: ["daemonsets"], verbs: ["list"] },
      { apiGroups: ["networking.k8s.io"], resources: ["networkpolicies"], verbs: ["list"] },
      // For the Envoys of Gateways, which are in the namespaces of those.
      { apiGroups: [""], resources: ["pods/exec"], verbs: ["create", "get"] },
    ],
    namespace: [
      { apiGroups: ["apps"], resources: ["deployments"], verbs: ["list"] },
      { apiGroups: [""], resources: ["configmaps"], verbs: ["get"] },
      { apiGroups: ["projectcontour.io"], resources: ["contourconfigurations"], verbs: ["get"] },
    ],
  };
}

/** The xDS authority is made by whoever comes first. A name cannot limit what is created. */
const authority: readonly Permission[] = [
  { apiGroups: [""], resources: ["secrets"], verbs: ["create"] },
  { apiGroups: [""], resources: ["secrets"], resourceNames: [authoritySecret], verbs: ["get"] },
];

/** The certificates that certgen made are renewed. */
const xdsRotation: readonly Permission[] = [
  { apiGroups: [""], resources: ["secrets"], resourceNames: [authoritySecret], verbs: ["get"] },
  { apiGroups: [""], resources: ["secrets"], resourceNames: Object.values(xdsSecretNames), verbs: ["get", "update"] },
];

/** The objects that make a Gateway's Envoys, in the Gateway's namespace: applied, followed, taken away. */
const provisioning: readonly Permission[] = [
  { apiGroups: [""], resources: ["configmaps", "secrets", "serviceaccounts", "services"], verbs: ["create", "delete", "get", "list", "patch", "watch"] },
  { apiGroups: ["apps"], resources: ["daemonsets", "deployments"], verbs: ["create", "delete", "get", "list", "patch", "watch"] },
];

/** Events on objects, wherever they are. */
const telling: Permission = { apiGroups: ["events.k8s.io"], resources: ["events"], verbs: ["create"] };

function leading(lease: string): readonly Permission[] {
  const leases = { apiGroups: ["coordination.k8s.io"], resources: ["leases"] };
  return [{ ...leases, verbs: ["create"] }, { ...leases, resourceNames: [lease], verbs: ["get", "update"] }];
}

function watching(names: readonly KindName[]): readonly Permission[] {
  const reported = names.filter((name) => kinds[name].hasStatus && !statusOfOthers.includes(name));
  return [...rules(names, ["list", "watch"]), ...rules(reported, ["patch"], "/status")];
}

/** One rule per API group. */
function rules(names: readonly KindName[], verbs: readonly string[], subresource = ""): readonly Permission[] {
  const byGroup = Map.groupBy(names, (name) => kinds[name].group);
  return [...byGroup].map(([group, members]) => ({ apiGroups: [group], resources: members.map((name) => `${kinds[name].plural}${subresource}`).toSorted(), verbs }));
}
