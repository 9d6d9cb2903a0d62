import { condition } from "#conditions/gateway";
import type { Condition } from "#conditions/gateway";
import { compareText } from "#lib/compare";
import { fail, ok } from "#lib/result";
import type { Result } from "#lib/result";
import type { UpstreamValidation } from "#model/cluster";
import type { Settings } from "#settings/settings";
import type { Reader, Rule } from "#store/family";
import { family } from "#store/family";
import { objectKey, objects, statuses } from "#translate/facts";
import { backendTlsPolicies, gatewayGroup } from "#translate/gateway/api";
import type { ApiReference, BackendTlsPolicy } from "#translate/gateway/api";
import { aboutOwner, examineAuthorities } from "#translate/secrets/authorities";
import type { ExaminedPem } from "#translate/secrets/authorities";
import type { ServiceTarget } from "#translate/shared/services";

/** One target of a BackendTLSPolicy. */
interface PolicyTarget {
  readonly policy: string;
  readonly created: string;
  /** The name of the port that it is for; absent for all. */
  readonly section?: string;
}

/** Who wants to say how TLS to a Service is checked. Bucket: `namespace/name` of the Service. */
const policyTargets = family<PolicyTarget>("backend-tls-target");

/** Gateways with a route to a Service that a policy is for. Bucket: `namespace/name` of the Service. */
export const gatewaysOfService = family<string>("gateway-of-service");

/** What a policy says, or why it cannot be kept. */
type Checked = Result<{ readonly validation: UpstreamValidation; readonly sni: string }, PolicyProblem | { readonly reason: "Invalid"; readonly message: string }>;

interface PolicyProblem {
  readonly reason: "InvalidCACertificateRef" | "InvalidKind";
  readonly message: string;
}

/** Bucket: `namespace/name` of the policy. */
const checkedPolicies = family<{ readonly tls: Checked; readonly problem?: PolicyProblem }>("checked-backend-tls-policy");

/** Files each BackendTLSPolicy under the Services that it is for, and reads its authorities once. */
export const indexBackendTlsPolicies: Rule = {
  name: "index-backend-tls-policy",
  over: backendTlsPolicies,
  derive(bucket, read, emit) {
    const policy = read.one(backendTlsPolicies, bucket);
    if (policy === undefined) return;
    const { namespace = "", creationTimestamp: created = "" } = policy.metadata;
    emit(checkedPolicies, bucket, check(read, policy));
    for (const { group, kind, name, sectionName } of policy.spec.targetRefs) {
      if (group === "" && kind === "Service") emit(policyTargets, objectKey(namespace, name), { policy: bucket, created, ...(sectionName === undefined ? {} : { section: sectionName }) });
    }
  },
};

function check(read: Reader, policy: BackendTlsPolicy): { readonly tls: Checked; readonly problem?: PolicyProblem } {
  const { hostname, caCertificateRefs = [], wellKnownCACertificates, subjectAltNames = [] } = policy.spec.validation;
  const subjectNames = subjectAltNames.flatMap(({ type, hostname: name }) => (type === "Hostname" && name !== undefined ? [name] : []));
  const subjectUris = subjectAltNames.flatMap(({ type, uri }) => (type === "URI" && uri !== undefined ? [uri] : []));
  const names = subjectAltNames.length === 0 ? { subjectNames: [hostname] } : { subjectNames, subjectUris };
  if (wellKnownCACertificates !== undefined && wellKnownCACertificates !== "System") return { tls: fail({ reason: "Invalid", message: `spec.validation.wellKnownCACertificates is ${JSON.stringify(wellKnownCACertificates)}; only System is known` }) };
  if (wellKnownCACertificates === "System") return { tls: ok({ validation: names, sni: hostname }) };
  const found = caCertificateRefs.map((reference, i) => authorities(read, policy.metadata.namespace ?? "", reference, i));
  const [problem] = found.flatMap((one) => (one.ok ? [] : [one.error]));
  const pems = found.flatMap((one) => (one.ok ? [one.value] : []));
  const noted = problem === undefined ? {} : { problem };
  if (pems.length === 0) return { tls: fail(problem ?? { reason: "InvalidCACertificateRef", message: "spec.validation names no authorities; add caCertificateRefs, or wellKnownCACertificates: System" }), ...noted };
  return { tls: ok({ validation: { caCertificates: pems.join("\n"), ...names }, sni: hostname }), ...noted };
}

/** The authorities of a ConfigMap's `ca.crt` (BackendTLSPolicy, `validation.caCertificateRefs`: core support). */
function authorities(read: Reader, namespace: string, { group = "", kind = "ConfigMap", name }: ApiReference, i: number): Result<string, PolicyProblem> {
  const at = `spec.validation.caCertificateRefs[${i}]`;
  if (group !== "" || kind !== "ConfigMap") return fail({ reason: "InvalidKind", message: `${at} must be a ConfigMap of the core group, not ${JSON.stringify(`${group}/${kind}`)}` });
  const pem = configMapAuthorities(read, namespace, name);
  return pem.ok ? ok(pem.value.pem) : fail({ reason: "InvalidCACertificateRef", message: `${at}: ${pem.error}` });
}

/** The authorities under `ca.crt` of a ConfigMap, or why there are none. */
export function configMapAuthorities(read: Reader, namespace: string, name: string): Result<ExaminedPem, string> {
  const configMap = read.one(objects("ConfigMap"), objectKey(namespace, name));
  const who = `ConfigMap ${JSON.stringify(name)}`;
  return configMap === undefined ? fail(`there is no ${who} in namespace ${JSON.stringify(namespace)}`) : aboutOwner(who, examineAuthorities(configMap.data?.["ca.crt"]));
}

/** The policy that counts for a port of a Service: one for that very port, then the oldest, then the first by name. */
function strongest(targets: readonly PolicyTarget[], portName: string): PolicyTarget | undefined {
  const ordered = targets.toSorted((a, b) => compareText(a.created, b.created) || compareText(a.policy, b.policy));
  return ordered.find(({ section }) => section !== undefined && section === portName) ?? ordered.find(({ section }) => section === undefined);
}

/** How TLS to a Service's port is checked; absent where no policy speaks about it. */
export function backendTls(read: Reader, { namespace, name, portName }: ServiceTarget): Checked | undefined {
  const policy = strongest(read.all(policyTargets, objectKey(namespace, name)), portName);
  return policy === undefined ? undefined : read.one(checkedPolicies, policy.policy)?.tls;
}

/** Says of each BackendTLSPolicy, for each Gateway with a route to one of its Services, whether it is kept. */
export function backendTlsPolicyStatus(settings: Settings): Rule {
  return {
    name: "backend-tls-policy-status",
    over: backendTlsPolicies,
    derive(bucket, read, emit) {
      const policy = read.one(backendTlsPolicies, bucket);
      const checked = read.one(checkedPolicies, bucket);
      if (policy === undefined || checked === undefined) return;
      const { namespace = "", name, generation = 0 } = policy.metadata;
      const services = policy.spec.targetRefs.map((target) => objectKey(namespace, target.name));
      const ancestors = [...new Set(services.flatMap((service) => read.all(gatewaysOfService, service)))].toSorted(compareText).slice(0, 16);
      if (ancestors.length === 0) return;
      const conditions = policyConditions(read, policy, bucket, checked, generation);
      const status = { ancestors: ancestors.map((gateway) => ({ ancestorRef: ancestorRef(gateway), controllerName: settings.gatewayControllerName, conditions })) };
      emit(statuses, `BackendTLSPolicy/${bucket}`, { kind: "BackendTLSPolicy", namespace, name, generation, status });
    },
  };
}

function ancestorRef(gateway: string): unknown {
  const [namespace, name] = gateway.split("/");
  return { group: gatewayGroup, kind: "Gateway", namespace, name };
}

function policyConditions(read: Reader, policy: BackendTlsPolicy, key: string, { tls, problem }: { readonly tls: Checked; readonly problem?: PolicyProblem }, generation: number): readonly Condition[] {
  const resolved = problem === undefined ? condition("Policy", "ResolvedRefs", "True", "ResolvedRefs", "all references are resolved", generation) : condition("Policy", "ResolvedRefs", "False", problem.reason, problem.message, generation);
  const older = policy.spec.targetRefs.map((target) => strongerThan(read, policy, key, target)).find((found) => found !== undefined);
  if (older !== undefined) return [condition("Policy", "Accepted", "False", "Conflicted", `the older BackendTLSPolicy ${older} is for the same Service and port; remove one of the two`, generation), resolved];
  if (!tls.ok) return [condition("Policy", "Accepted", "False", tls.error.reason === "Invalid" ? "Invalid" : "NoValidCACertificate", `requests to its Services fail, as nothing can be checked: ${tls.error.message}`, generation), resolved];
  const lost = policy.spec.targetRefs.map((target) => missingPort(read, policy, target)).find((found) => found !== undefined);
  if (lost !== undefined) return [condition("Policy", "Accepted", "False", "TargetNotFound", lost, generation), resolved];
  return [condition("Policy", "Accepted", "True", "Accepted", "the policy is in force", generation), resolved];
}

/** A target whose sectionName is no port of its Service (GEP-713). */
function missingPort(read: Reader, policy: BackendTlsPolicy, { name, sectionName }: BackendTlsPolicy["spec"]["targetRefs"][number]): string | undefined {
  const service = read.one(objects("Service"), objectKey(policy.metadata.namespace ?? "", name));
  const names = (service?.spec?.ports ?? []).flatMap(({ name: portName = "" }) => (portName === "" ? [] : [portName]));
  if (sectionName === undefined || service === undefined || names.includes(sectionName)) return undefined;
  return `Service ${JSON.stringify(name)} has no port named ${JSON.stringify(sectionName)} (${names.length === 0 ? "its port has no name" : `it has: ${names.join(", ")}`}); the policy does nothing there`;
}

function strongerThan(read: Reader, policy: BackendTlsPolicy, key: string, { name, sectionName }: BackendTlsPolicy["spec"]["targetRefs"][number]): string | undefined {
  const targets = read.all(policyTargets, objectKey(policy.metadata.namespace ?? "", name)).filter(({ section }) => section === sectionName);
  const [first] = targets.toSorted((a, b) => compareText(a.created, b.created) || compareText(a.policy, b.policy));
  return first === undefined || first.policy === key ? undefined : first.policy;
}
