import type { ExtensionService } from "#gen/k8s/extension-service";
import { extensionError, extensionWarning } from "#conditions/extension-service";
import type { Problem } from "#conditions/problem";
import { largestUint32, rangeProblem } from "#lib/uint32";
import type { FieldPath } from "#k8s/object";
import type { CircuitBreakers, Cluster, EndpointsName, UpstreamValidation } from "#model/cluster";
import type { Settings } from "#settings/settings";
import type { Reader, Rule } from "#store/family";
import { callableServices, clusters, extensionProblems, objectKey, objects, statuses, weightedServices } from "#translate/facts";
import type { CallableService } from "#translate/facts";
import { extensionCluster } from "#translate/extension/extension-cluster";
import { loadBalancing } from "#translate/httpproxy/policies/load-balancing";
import { parseTimeout } from "#translate/httpproxy/policies/timeouts";
import { authoritiesResolver } from "#translate/shared/authorities";
import { clientCertificateOf } from "#translate/shared/client-certificate";
import { endpointsOf, resolveService, upstreamTls } from "#translate/shared/services";
import { validCondition } from "#translate/shared/valid-condition";

type Spec = NonNullable<ExtensionService["spec"]>;

/** Makes ExtensionServices callable, and says in their status why they are not. */
export function extensionServiceRule(settings: Settings): Rule {
  return {
    name: "extension-service",
    over: objects("ExtensionService"),
    derive(bucket, read, emit) {
      const object = read.one(objects("ExtensionService"), bucket);
      if (object === undefined) return;
      const { problems, result } = new Translation(read, settings, object).run();
      for (const problem of problems) emit(extensionProblems, bucket, problem);
      if (result === undefined) return;
      emit(clusters, result.cluster.name, result.cluster);
      emit(weightedServices, result.endpoints, { groups: result.groups });
      emit(callableServices, bucket, result.callable);
    },
  };
}

/** The status of every ExtensionService: one Valid condition with all errors and warnings (projectcontour.io/v1alpha1). */
export const extensionServiceStatus: Rule = {
  name: "extension-service-status",
  over: objects("ExtensionService"),
  derive(bucket, read, emit) {
    const object = read.one(objects("ExtensionService"), bucket);
    if (object === undefined) return;
    const { namespace = "", name, generation = 0 } = object.metadata;
    emit(statuses, `ExtensionService/${bucket}`, { kind: "ExtensionService", namespace, name, generation, status: { conditions: [validCondition("ExtensionService", generation, read.all(extensionProblems, bucket))] } });
  },
};

interface Result {
  readonly cluster: Cluster;
  readonly endpoints: EndpointsName;
  readonly groups: readonly { readonly endpoints: EndpointsName; readonly weight: number }[];
  readonly callable: CallableService;
}

/** One look at an ExtensionService. With any error there is no result: who needs it then refuses rather than goes without. */
class Translation {
  readonly #read: Reader;
  readonly #settings: Settings;
  readonly #object: ExtensionService;
  readonly #problems: Problem[] = [];

  constructor(read: Reader, settings: Settings, object: ExtensionService) {
    this.#read = read;
    this.#settings = settings;
    this.#object = object;
  }

  run(): { readonly problems: readonly Problem[]; readonly result?: Result } {
    const { namespace = "", name } = this.#object.metadata;
    const spec: Spec = this.#object.spec ?? { services: [] };
    const protocol = spec.protocol === "h2c" || spec.protocol === "h2" ? spec.protocol : spec.protocol === "http/1.1" ? "http1" : "h2";
    const groups = this.#groups(spec, namespace);
    const validation = this.#validation(spec, protocol, namespace);
    const times = this.#times(spec);
    for (const [field, limit] of Object.entries(spec.circuitBreakerPolicy ?? {})) {
      const wrong = rangeProblem(limit, 0);
      if (wrong !== undefined) this.#refuse(extensionError("SpecError", "CircuitBreakerPolicyNotValid", ["spec", "circuitBreakerPolicy", field], wrong));
    }
    const balancing = loadBalancing(spec.loadBalancerPolicy, ["spec", "loadBalancerPolicy"], { allowHash: false, owner: "SpecError" });
    this.#problems.push(...balancing.problems);
    if (this.#problems.some(({ severity }) => severity === "error")) return { problems: this.#problems };
    const endpoints = `extension|${namespace}/${name}`;
    const sni = validation?.subjectNames[0];
    const cluster: Cluster = {
      name: extensionCluster(namespace, name),
      statName: `extension_${namespace}_${name}`,
      source: { kind: "endpoints", endpoints },
      protocol,
      weightedGroups: true,
      loadBalancing: balancing.value?.loadBalancing ?? "round-robin",
      connectTimeoutMs: this.#settings.connectTimeoutMs,
      circuitBreakers: (spec.circuitBreakerPolicy ?? this.#settings.circuitBreakers) as CircuitBreakers,
      ...(times.idleConnectionMs === undefined ? {} : { idleTimeoutMs: times.idleConnectionMs }),
      ...(sni === undefined ? {} : { sni }),
      ...(validation === undefined ? {} : { validation }),
      ...(protocol === "h2" ? upstreamTls(this.#settings, clientCertificateOf(this.#read, this.#settings)) : {}),
      origin: { kind: "ExtensionService", namespace, name, field: "spec" },
    };
    const callable: CallableService = { cluster: cluster.name, protocol, host: sni ?? `${name}.${namespace}`, ...(times.response === undefined ? {} : { responseTimeout: times.response }) };
    return { problems: this.#problems, result: { cluster, endpoints, groups, callable } };
  }

  #refuse(problem: Problem): undefined {
    this.#problems.push(problem);
    return undefined;
  }

  /** All weights 0 means equal shares; otherwise a service of weight 0 gets nothing. */
  #groups({ services }: Spec, namespace: string): Result["groups"] {
    const equal = services.every(({ weight = 0 }) => weight === 0);
    return services.flatMap((service, i) => {
      const path: FieldPath = ["spec", "services", i];
      if (this.#read.one(objects("Service"), objectKey(namespace, service.name))?.spec?.type === "ExternalName") {
        this.#refuse(extensionError("ServiceError", "UnsupportedServiceType", path, `Service ${JSON.stringify(service.name)} is of type ExternalName, which an ExtensionService cannot use; name a Service with endpoints`));
        return [];
      }
      const resolved = resolveService(this.#read, this.#settings, namespace, service.name, service.port);
      if (!resolved.ok) {
        this.#refuse(extensionError("ServiceError", "ServiceUnresolvedReference", path, resolved.error.message));
        return [];
      }
      const wrong = rangeProblem(service.weight, 0, largestUint32 / services.length);
      if (wrong !== undefined) this.#refuse(extensionError("ServiceError", "WeightInvalid", [...path, "weight"], wrong));
      const weight = equal ? 1 : (service.weight ?? 0);
      return weight === 0 ? [] : [{ endpoints: endpointsOf(resolved.value), weight }];
    });
  }

  #validation({ validation }: Spec, protocol: CallableService["protocol"], namespace: string): UpstreamValidation | undefined {
    if (validation === undefined) return undefined;
    if (protocol !== "h2") return this.#refuse(extensionError("SpecError", "InconsistentProtocol", ["spec", "validation"], "there is a certificate to validate only with protocol h2, which is over TLS; write protocol: h2 or remove validation"));
    const at: FieldPath = ["spec", "validation", "caSecret"];
    const found = authoritiesResolver(this.#read, namespace)(validation.caSecret);
    if (found.kind === "not-delegated") return this.#refuse(extensionError("TLSError", "CACertificateNotDelegated", at, found.message));
    if (found.kind !== "ok") return this.#refuse(extensionError("SpecError", "TLSUpstreamValidation", at, found.message));
    for (const { message } of found.warnings) this.#refuse(extensionWarning("SpecError", "TLSUpstreamValidation", at, message));
    const subjectNames = validation.subjectNames ?? [validation.subjectName];
    if (subjectNames[0] !== validation.subjectName) return this.#refuse(extensionError("SpecError", "TLSUpstreamValidation", ["spec", "validation", "subjectNames"], "the first of subjectNames must be the same as subjectName"));
    return { caCertificates: found.pem, subjectNames };
  }

  #times({ timeoutPolicy }: Spec): { readonly response?: CallableService["responseTimeout"]; readonly idleConnectionMs?: number } {
    const at = ["spec", "timeoutPolicy"];
    const [response, connection] = [parseTimeout(timeoutPolicy?.response), parseTimeout(timeoutPolicy?.idleConnection)];
    if (response.error !== undefined) this.#refuse(extensionError("SpecError", "TimeoutPolicyNotValid", [...at, "response"], response.error));
    if (connection.error !== undefined) this.#refuse(extensionError("SpecError", "TimeoutPolicyNotValid", [...at, "idleConnection"], connection.error));
    if (timeoutPolicy?.idle !== undefined && timeoutPolicy.idle !== "") this.#refuse(extensionWarning("SpecError", "IgnoredField", [...at, "idle"], "an ExtensionService has no streams of clients that could be idle, so this has no effect; remove it"));
    const { setting } = connection;
    return {
      ...(response.setting === undefined ? {} : { response: response.setting }),
      ...(setting === undefined ? {} : { idleConnectionMs: setting.kind === "off" ? 0 : setting.ms }),
    };
  }
}
