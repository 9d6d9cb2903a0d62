import { compareText } from "#lib/compare";
import type { Cluster } from "#model/cluster";
import type { Route } from "#model/route";
import type { Settings } from "#settings/settings";
import type { Reader, Rule } from "#store/family";
import { family } from "#store/family";
import { objectKey } from "#translate/facts";
import { gatewayGroup, httpRoutes } from "#translate/gateway/api";
import type { HttpRoute, ParentReference } from "#translate/gateway/api";
import { gatewayShapes } from "#translate/gateway/gateway-shape";
import { RouteVisit } from "#translate/gateway/http-route/backends";
import type { ReferenceProblem } from "#translate/gateway/http-route/backends";
import { translateRule } from "#translate/gateway/http-route/rule";
import type { RuleProblem } from "#translate/gateway/http-route/rule-problem";

/** What the rules of an HTTPRoute mean, whatever it is attached to. */
export interface CompiledRoute {
  /** In the order of rules and matches. */
  readonly routes: readonly Route[];
  readonly clusters: readonly Cluster[];
  readonly problems: readonly RuleProblem[];
  readonly referenceProblems: readonly ReferenceProblem[];
  /** Whether no rule at all can be followed. */
  readonly unusable: boolean;
  readonly created: string;
  readonly key: string;
}

/** HTTPRoutes that name a Gateway of ours. Bucket: `namespace/name`. */
export const compiledRoutes = family<CompiledRoute>("compiled-http-route");

/** Orders routes by age, then by name: the order in which they win ties. */
export function compareAge(a: CompiledRoute, b: CompiledRoute): number {
  return compareText(a.created, b.created) || compareText(a.key, b.key);
}

/** The Gateway of ours that a reference names, by its key. */
export function parentGateway(read: Reader, namespace: string, parent: ParentReference): string | undefined {
  if ((parent.group ?? gatewayGroup) !== gatewayGroup || (parent.kind ?? "Gateway") !== "Gateway") return undefined;
  const key = objectKey(parent.namespace ?? namespace, parent.name);
  return read.any(gatewayShapes, key) ? key : undefined;
}

/** Follows the rules of each HTTPRoute that names a Gateway of ours, once for all of its parents and hosts. */
export function compileHttpRoutes(settings: Settings): Rule {
  return {
    name: "compile-http-route",
    over: httpRoutes,
    derive(bucket, read, emit) {
      const route = read.one(httpRoutes, bucket);
      const namespace = route?.metadata.namespace ?? "";
      if (route === undefined || !(route.spec.parentRefs ?? []).some((parent) => parentGateway(read, namespace, parent) !== undefined)) return;
      emit(compiledRoutes, bucket, compile(new RouteVisit(read, settings, namespace), route, bucket));
    },
  };
}

function compile(visit: RouteVisit, route: HttpRoute, key: string): CompiledRoute {
  const { namespace = "", name, creationTimestamp = "" } = route.metadata;
  const rules = route.spec.rules ?? [{}];
  const translations = rules.map((rule, i) => translateRule(visit, rule, { kind: "HTTPRoute", namespace, name, field: `spec.rules[${i}]` }));
  const problems = translations.flatMap(({ problem }, i) => (problem === undefined ? [] : [{ ...problem, message: `spec.rules[${i}].${problem.message}` }]));
  return {
    routes: translations.flatMap(({ routes }) => routes),
    clusters: [...visit.clusters.values()],
    problems,
    referenceProblems: visit.referenceProblems,
    unusable: problems.length > 0 && problems.length === rules.length,
    created: creationTimestamp,
    key,
  };
}
