import { certificateName, fleetLabels, selectorLabels } from "#provision/names";
import { mounts } from "#provision/settings";
import type { ProvisionSettings } from "#provision/settings";
import type { FleetPlan } from "#translate/gateway/fleet-plan";

/** The user without rights of most images. */
const nobody = 65534;

interface PodTemplate {
  readonly selector: object;
  readonly template: object;
}

/** The pods of a Gateway's Envoys. `digest` changes with the configuration, so that they are replaced then. */
export function podTemplate(plan: FleetPlan, settings: ProvisionSettings, name: string, digest: string): PodTemplate {
  const envoy = plan.parameters.envoy ?? {};
  const { stats } = settings.envoy;
  const annotations = {
    ...plan.annotations,
    ...envoy.podAnnotations,
    "prometheus.io/scrape": "true",
    "prometheus.io/port": String(stats.port),
    "prometheus.io/path": "/stats/prometheus",
    "projectcontour.io/configuration": digest,
  };
  return {
    selector: { matchLabels: selectorLabels(plan) },
    template: {
      metadata: { labels: fleetLabels(plan), annotations },
      spec: {
        serviceAccountName: name,
        automountServiceAccountToken: false,
        terminationGracePeriodSeconds: 300,
        nodeSelector: { "kubernetes.io/os": "linux", ...envoy.nodePlacement?.nodeSelector },
        ...(envoy.nodePlacement?.tolerations === undefined ? {} : { tolerations: envoy.nodePlacement.tolerations }),
        securityContext: { runAsNonRoot: true, runAsUser: nobody, runAsGroup: nobody, seccompProfile: { type: "RuntimeDefault" } },
        topologySpreadConstraints: [{ maxSkew: 1, topologyKey: "kubernetes.io/hostname", whenUnsatisfiable: "ScheduleAnyway", labelSelector: { matchLabels: selectorLabels(plan) } }],
        containers: [envoyContainer(plan, settings), shutdownManager(settings)],
        volumes: [
          { name: "certificates", secret: { secretName: certificateName(plan.name) } },
          { name: "configuration", configMap: { name, items: [{ key: "envoy.json", path: "envoy.json" }, ...["xds-tls-certificate.json", "xds-validation-context.json"].map((key) => ({ key, path: `sds/${key}` }))] } },
          { name: "admin", emptyDir: {} },
          ...(envoy.extraVolumes ?? []),
        ],
      },
    },
  };
}

const restricted = { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } };

/** Where Envoy's container asks whether it may end. */
const shutdownPort = 8090;

/** Load balancers need this time to notice that an Envoy drains. */
const drainTime = "15s";

// Without a liveness probe: Kubernetes would run the hook when it fails, and a healthy Envoy would drain.
function shutdownManager({ contourImage, imagePullPolicy }: ProvisionSettings): object {
  return {
    name: "shutdown-manager",
    image: contourImage,
    imagePullPolicy,
    command: ["/bin/contour"],
    args: ["envoy", "shutdown-manager", "--serve-port", String(shutdownPort)],
    lifecycle: { preStop: { exec: { command: ["/bin/contour", "envoy", "shutdown", `--check-delay=${drainTime}`] } } },
    resources: { requests: { cpu: "25m", memory: "96Mi" } },
    securityContext: restricted,
    volumeMounts: [{ name: "admin", mountPath: mounts.admin }],
  };
}

/** Who reports metrics, as Envoy and OpenTelemetry read it. */
function reporter({ fleet }: FleetPlan): object {
  return { name: "OTEL_RESOURCE_ATTRIBUTES", value: `service.instance.id=$(POD_NAME),k8s.namespace.name=$(POD_NAMESPACE),k8s.pod.name=$(POD_NAME),contour.fleet=${fleet}` };
}

function envoyContainer(plan: FleetPlan, { envoyImage, imagePullPolicy, envoy: { stats }, otlpMetrics }: ProvisionSettings): object {
  const { logLevel = "info", baseID = 0, resources, extraVolumeMounts = [] } = plan.parameters.envoy ?? {};
  const field = (name: string, fieldPath: string): object => ({ name, valueFrom: { fieldRef: { fieldPath } } });
  return {
    name: "envoy",
    image: envoyImage,
    imagePullPolicy,
    args: ["-c", `${mounts.configuration}/envoy.json`, "--service-cluster", plan.fleet, "--service-node", "$(POD_NAMESPACE)/$(POD_NAME)", "--log-level", logLevel, ...(baseID === 0 ? [] : ["--base-id", String(baseID)])],
    env: [field("POD_NAMESPACE", "metadata.namespace"), field("POD_NAME", "metadata.name"), ...(otlpMetrics === undefined ? [] : [reporter(plan)])],
    ports: [{ name: "metrics", containerPort: stats.port, protocol: "TCP" }],
    readinessProbe: { httpGet: { path: "/ready", port: stats.port }, periodSeconds: 2 },
    lifecycle: { preStop: { httpGet: { path: "/shutdown", port: shutdownPort, scheme: "HTTP" } } },
    ...(resources === undefined ? {} : { resources }),
    securityContext: restricted,
    volumeMounts: [{ name: "certificates", mountPath: mounts.certificates, readOnly: true }, { name: "configuration", mountPath: mounts.configuration, readOnly: true }, { name: "admin", mountPath: mounts.admin }, ...extraVolumeMounts],
  };
}
