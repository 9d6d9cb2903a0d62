import { createHash } from "node:crypto";
import { bootstrapJson, buildBootstrap } from "#envoy/bootstrap";
import { secretFiles } from "#envoy/bootstrap-secrets";
import type { KubeObject } from "#k8s/object";
import { certificateName, envoyName, fleetLabels } from "#provision/names";
import { podTemplate } from "#provision/pod";
import { mounts } from "#provision/settings";
import type { FleetCertificate, ProvisionSettings } from "#provision/settings";
import { envoyService } from "#provision/service";
import type { FleetPlan } from "#translate/gateway/fleet-plan";

/** An object of any kind, as it is applied. */
export type AppliedObject = KubeObject & Readonly<Record<string, unknown>>;

/** The objects that make the Envoys of a Gateway, in the order in which they are wanted. */
export function fleetObjects(plan: FleetPlan, certificate: FleetCertificate, settings: ProvisionSettings): readonly AppliedObject[] {
  const name = envoyName(plan.name);
  const configuration = configurationData(plan, settings);
  const digest = createHash("sha256").update(JSON.stringify(configuration)).digest("hex").slice(0, 16);
  const object = (apiVersion: string, kind: string, objectName: string, rest: object): AppliedObject => ({ apiVersion, kind, metadata: metadata(plan, objectName), ...rest }) as AppliedObject;
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  return [
    object("v1", "ServiceAccount", name, { automountServiceAccountToken: false }),
    object("v1", "Secret", certificateName(plan.name), { type: "kubernetes.io/tls", data: { "ca.crt": base64(certificate.authorities), "tls.crt": base64(certificate.certificate), "tls.key": base64(certificate.key) } }),
    object("v1", "ConfigMap", name, { data: configuration }),
    workload(plan, settings, name, digest, object),
    ...(plan.ports.length === 0 ? [] : [object("v1", "Service", name, { spec: envoyService(plan) })]),
  ];
}

/** Goes with its owner when that is deleted (Kubernetes' garbage collection). */
function metadata(plan: FleetPlan, name: string): KubeObject["metadata"] {
  const { namespace, owner } = plan;
  const ownerReferences = [{ apiVersion: "gateway.networking.k8s.io/v1", ...owner, controller: true, blockOwnerDeletion: false }];
  return { name, namespace, labels: fleetLabels(plan), annotations: { ...plan.annotations }, ownerReferences } as KubeObject["metadata"];
}

function configurationData(plan: FleetPlan, { xds, otlpMetrics }: ProvisionSettings): Readonly<Record<string, string>> {
  const { overloadMaxHeapSize = 0, overloadMaxDownstreamConnections = 0 } = plan.parameters.envoy ?? {};
  const tls = { caFile: `${mounts.certificates}/ca.crt`, certFile: `${mounts.certificates}/tls.crt`, keyFile: `${mounts.certificates}/tls.key`, resourcesDir: mounts.configuration };
  const bootstrap = buildBootstrap({
    admin: { kind: "unix", path: `${mounts.admin}/admin.sock` },
    xds: { kind: "tcp", address: xds.host, port: xds.port, tls },
    overload: { ...(overloadMaxHeapSize > 0 ? { maxHeapBytes: BigInt(overloadMaxHeapSize) } : {}), ...(overloadMaxDownstreamConnections > 0 ? { maxDownstreamConnections: BigInt(overloadMaxDownstreamConnections) } : {}) },
    ...(otlpMetrics === undefined ? {} : { metrics: { ...otlpMetrics, instance: { kind: "environment" as const } } }),
  });
  const files = secretFiles(tls).map(({ path, text }) => [fileName(path), text] as const);
  return { "envoy.json": bootstrapJson(bootstrap), ...Object.fromEntries(files) };
}

function fileName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** A DaemonSet unless the parameters want a Deployment, as Go Contour's provisioner has it. */
function workload(plan: FleetPlan, settings: ProvisionSettings, name: string, digest: string, object: (apiVersion: string, kind: string, name: string, rest: object) => AppliedObject): AppliedObject {
  const envoy = plan.parameters.envoy ?? {};
  const { selector, template } = podTemplate(plan, settings, name, digest);
  if (envoy.workloadType === "Deployment") {
    const strategy = envoy.deployment?.strategy ?? { type: "RollingUpdate", rollingUpdate: { maxSurge: "10%", maxUnavailable: "25%" } };
    return object("apps/v1", "Deployment", name, { spec: { replicas: envoy.deployment?.replicas ?? envoy.replicas ?? 2, strategy, selector, template } });
  }
  const updateStrategy = envoy.daemonSet?.updateStrategy ?? { type: "RollingUpdate", rollingUpdate: { maxUnavailable: "10%" } };
  return object("apps/v1", "DaemonSet", name, { spec: { updateStrategy, selector, template } });
}

/** The kind of workload that a plan does not want: it may be there from before. */
export function otherWorkload(plan: FleetPlan): "deployments" | "daemonsets" {
  return plan.parameters.envoy?.workloadType === "Deployment" ? "daemonsets" : "deployments";
}
