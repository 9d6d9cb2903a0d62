import { compareText } from "#lib/compare";
import type { Cluster } from "#model/cluster";
import { commonFleet } from "#model/fleet";
import type { Route } from "#model/route";
import type { Settings } from "#settings/settings";
import type { Family, Reader, Rule } from "#store/family";
import { family } from "#store/family";
import { grpcRoutes, httpRoutes } from "#translate/gateway/api";
import type { GrpcRoute, HttpRoute } from "#translate/gateway/api";
import { parentGateway } from "#translate/gateway/attachment";
import { RouteVisit } from "#translate/gateway/backends";
import { settingsOfFleets } from "#translate/gateway/fleet-configuration";
import { gatewaySites } from "#translate/gateway/site";
import type { ReferenceProblem } from "#translate/gateway/backends";
import { backendCertificate } from "#translate/gateway/gateway-tls";
import { translateGrpcRule } from "#translate/gateway/grpc-route/rule";
import { translateHttpRule } from "#translate/gateway/http-route/rule";
import type { RuleTranslation } from "#translate/gateway/http-route/rule";
import type { RuleProblem } from "#translate/gateway/http-route/rule-problem";

/** The kinds of routes whose requests Envoy understands. */
export type RequestRouteKind = "HTTPRoute" | "GRPCRoute";

/** A route of either kind. */
export type RequestRoute = HttpRoute | GrpcRoute;

/** The objects of each kind. */
export const requestRoutes: Readonly<Record<RequestRouteKind, Family<RequestRoute>>> = { HTTPRoute: httpRoutes, GRPCRoute: grpcRoutes };

/** What the rules of a route mean for one Gateway, whatever its listeners are. */
export interface CompiledRoute {
  readonly kind: RequestRouteKind;
  /** `namespace/name`. */
  readonly key: string;
  /** Those of rules, in their order; undefined for rules without a name. */
  readonly ruleNames: readonly (string | undefined)[];
  /** In the order of rules and matches. */
  readonly routes: readonly Route[];
  readonly clusters: readonly Cluster[];
  readonly problems: readonly RuleProblem[];
  readonly referenceProblems: readonly ReferenceProblem[];
  /** Services that are backends, by key. */
  readonly services: readonly string[];
  /** Whether no rule at all can be followed. */
  readonly unusable: boolean;
  readonly created: string;
}

/** Routes that name a Gateway of ours. Bucket: see `compiledKey`. */
export const compiledRoutes = family<CompiledRoute>("compiled-route");

/** The bucket of what a route means for a Gateway: the Gateway may have a certificate that its backends want. */
export function compiledKey(kind: RequestRouteKind, route: string, gateway: string): string {
  return `${kind}/${route} ${gateway}`;
}

/** Orders routes by age, then by name: the order in which they win ties. */
export function compareAge(a: { readonly created: string; readonly key: string }, b: { readonly created: string; readonly key: string }): number {
  return compareText(a.created, b.created) || compareText(a.key, b.key);
}

/** The Gateways of ours that a route names. */
export function gatewaysOf(read: Reader, route: RequestRoute): readonly string[] {
  const { namespace = "" } = route.metadata;
  return [...new Set((route.spec.parentRefs ?? []).flatMap((parent) => parentGateway(read, namespace, parent) ?? []))];
}

/** Follows the rules of each route that names a Gateway of ours, once for all of the Gateway's listeners and hosts. */
export function compileRoutes(kind: RequestRouteKind, settings: Settings): Rule {
  const settingsOf = settingsOfFleets(settings);
  return {
    name: `compile-${kind}`,
    over: requestRoutes[kind],
    derive(bucket, read, emit) {
      const route = read.one(requestRoutes[kind], bucket);
      if (route === undefined) return;
      for (const gateway of gatewaysOf(read, route)) {
        const clientCertificate = backendCertificate(read, gateway);
        const visit = new RouteVisit(read, settingsOf(read, read.one(gatewaySites, gateway)?.fleet ?? commonFleet), { kind, namespace: route.metadata.namespace ?? "", ...(clientCertificate === undefined ? {} : { clientCertificate }) });
        emit(compiledRoutes, compiledKey(kind, bucket, gateway), compile(visit, kind, route, bucket));
      }
    },
  };
}

function compile(visit: RouteVisit, kind: RequestRouteKind, route: RequestRoute, key: string): CompiledRoute {
  const { namespace = "", name, creationTimestamp = "" } = route.metadata;
  const rules: readonly { readonly name?: string }[] = route.spec.rules ?? [{}];
  const translations = rules.map((rule, i): RuleTranslation => {
    const origin = { kind, namespace, name, field: `spec.rules[${i}]` };
    return kind === "GRPCRoute" ? translateGrpcRule(visit, rule as NonNullable<GrpcRoute["spec"]["rules"]>[number], origin) : translateHttpRule(visit, rule as NonNullable<HttpRoute["spec"]["rules"]>[number], origin);
  });
  const problems = translations.flatMap(({ problem }, i) => (problem === undefined ? [] : [{ ...problem, message: `spec.rules[${i}].${problem.message}` }]));
  return {
    kind,
    key,
    ruleNames: rules.map((rule) => rule.name),
    routes: translations.flatMap(({ routes }) => routes),
    clusters: [...visit.clusters.values()],
    problems,
    referenceProblems: visit.referenceProblems,
    services: [...visit.services],
    unusable: problems.length > 0 && problems.length === rules.length,
    created: creationTimestamp,
  };
}
