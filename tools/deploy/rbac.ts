import { stringify } from "yaml";
import type { Permission } from "#app/permissions";
import { certgenPermissions, doctorPermissions, issuingPermissions, keptCertificates, namedIssuingPermissions, namedSecretsServePermissions, provisionerIssuingPermissions, provisionerPermissions, provisioningServePermissions, secretPermissions, servePermissions } from "#app/permissions";

const ownNamespace = "projectcontour";
const group = "rbac.authorization.k8s.io";
const header = "# Made of src/app/permissions.ts by `npm run generate:deploy`.\n";

type Kind = "Role" | "ClusterRole";

/** A role, and its binding to a service account. */
function granted(kind: Kind, names: { readonly role: string; readonly binding: string; readonly account: string }, rules: readonly Permission[], namespace = ownNamespace): readonly object[] {
  const place = kind === "Role" ? { namespace } : {};
  return [
    { apiVersion: `${group}/v1`, kind, metadata: { name: names.role, ...place }, rules },
    { apiVersion: `${group}/v1`, kind: `${kind}Binding`, metadata: { name: names.binding, ...place }, roleRef: { apiGroup: group, kind, name: names.role }, subjects: [{ kind: "ServiceAccount", name: names.account, namespace: ownNamespace }] },
  ];
}

/** The RBAC files by their paths under deploy/. Names as in Go Contour's manifests. */
export function rbacFiles(): Readonly<Record<string, string>> {
  const provisioner = "contour-gateway-provisioner";
  const issuing = { role: "contour-issuing", binding: "contour-issuing", account: "contour" };
  const provisionerIssuing = { role: `${provisioner}-issuing`, binding: `${provisioner}-issuing`, account: provisioner };
  const text = (objects: readonly object[]): string => header + objects.map((object) => stringify(object, { aliasDuplicateObjects: false })).join("---\n");
  return {
    "controller/rbac.yaml": text([
      ...granted("ClusterRole", { role: "contour", binding: "contour", account: "contour" }, servePermissions().cluster),
      ...granted("Role", { role: "contour", binding: "contour-rolebinding", account: "contour" }, servePermissions().namespace),
      ...granted("Role", { role: "contour-certgen", binding: "contour", account: "contour-certgen" }, certgenPermissions().namespace),
    ]),
    "components/issuing/rbac.yaml": text([
      ...granted("ClusterRole", issuing, issuingPermissions().cluster),
      ...granted("Role", issuing, issuingPermissions().namespace),
    ]),
    "components/issuing-in-named-namespaces/rbac.yaml": text([
      ...granted("Role", issuing, namedIssuingPermissions().namespace),
      ...granted("Role", issuing, keptCertificates, "default"),
    ]),
    "components/issuing-by-provisioner/rbac.yaml": text([
      ...granted("ClusterRole", provisionerIssuing, provisionerIssuingPermissions().cluster),
      ...granted("Role", provisionerIssuing, provisionerIssuingPermissions().namespace),
    ]),
    "helm/contour/files/issuing.yaml": text([issuingPermissions()]),
    "helm/contour/files/issuing-in-named-namespaces.yaml": text([{ ...namedIssuingPermissions(), named: keptCertificates }]),
    "components/named-secrets/cluster-role.yaml": text(granted("ClusterRole", { role: "contour", binding: "contour", account: "contour" }, namedSecretsServePermissions().cluster).slice(0, 1)),
    "components/named-secrets/roles.yaml": text(granted("Role", { role: "contour-secrets", binding: "contour-secrets", account: "contour" }, secretPermissions, "default")),
    "helm/contour/files/serve-with-named-secrets.yaml": text([namedSecretsServePermissions()]),
    "helm/contour/files/secrets.yaml": text([{ rules: secretPermissions }]),
    "helm/contour/files/serve.yaml": text([servePermissions()]),
    "helm/contour/files/serve-and-provision.yaml": text([provisioningServePermissions()]),
    "helm/contour/files/certgen.yaml": text([certgenPermissions()]),
    "doctor/rbac.yaml": text([
      ...granted("ClusterRole", { role: "contour-doctor", binding: "contour-doctor", account: "contour-doctor" }, doctorPermissions().cluster),
      ...granted("Role", { role: "contour-doctor", binding: "contour-doctor", account: "contour-doctor" }, doctorPermissions().namespace),
    ]),
    "gateway-provisioner/rbac.yaml": text([
      ...granted("ClusterRole", { role: provisioner, binding: provisioner, account: provisioner }, provisionerPermissions().cluster),
      ...granted("Role", { role: provisioner, binding: `${provisioner}-leader-election`, account: provisioner }, provisionerPermissions().namespace),
    ]),
  };
}
