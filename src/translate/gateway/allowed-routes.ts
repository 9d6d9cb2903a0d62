import { fail, ok } from "#lib/result";
import type { Result } from "#lib/result";
import type { Reader } from "#store/family";
import { objectKey, objects } from "#translate/facts";
import { gatewayGroup } from "#translate/gateway/api";
import type { Gateway, GatewayListener, LabelSelector } from "#translate/gateway/api";

/** The namespaces whose routes may attach to a listener. */
export type AllowedNamespaces = { readonly kind: "all" } | { readonly kind: "same" } | { readonly kind: "none" } | { readonly kind: "selected"; readonly selector: LabelSelector };

/** Reads `allowedRoutes.namespaces` of a listener. */
export function allowedNamespaces(listener: GatewayListener): Result<AllowedNamespaces, string> {
  const { from = "Same", selector } = listener.allowedRoutes?.namespaces ?? {};
  return readNamespaces("allowedRoutes.namespaces", from, selector);
}

/** Reads `allowedListeners.namespaces` of a Gateway: whose ListenerSets may attach. */
export function allowedListenerNamespaces(gateway: Gateway): Result<AllowedNamespaces, string> {
  const { from = "None", selector } = gateway.spec.allowedListeners?.namespaces ?? {};
  return readNamespaces("spec.allowedListeners.namespaces", from, selector);
}

function readNamespaces(field: string, from: string, selector: LabelSelector | undefined): Result<AllowedNamespaces, string> {
  if (from === "All") return ok({ kind: "all" });
  if (from === "Same") return ok({ kind: "same" });
  if (from === "None") return ok({ kind: "none" });
  if (from !== "Selector") return fail(`${field}.from is ${JSON.stringify(from)}; use All, Same, Selector or None`);
  if (selector === undefined || isEmpty(selector)) return fail(`${field}.from is Selector, but there is no selector; add matchLabels or matchExpressions`);
  const problem = selectorProblem(field, selector);
  return problem === undefined ? ok({ kind: "selected", selector }) : fail(problem);
}

function isEmpty(selector: LabelSelector): boolean {
  return Object.keys(selector.matchLabels ?? {}).length === 0 && (selector.matchExpressions ?? []).length === 0;
}

function selectorProblem(field: string, selector: LabelSelector): string | undefined {
  for (const [i, { operator, values = [] }] of (selector.matchExpressions ?? []).entries()) {
    const where = `${field}.selector.matchExpressions[${i}]`;
    if (operator === "In" || operator === "NotIn") {
      if (values.length === 0) return `${where} has operator ${operator} and no values; add some`;
    } else if (operator !== "Exists" && operator !== "DoesNotExist") return `${where} has operator ${JSON.stringify(operator)}; use In, NotIn, Exists or DoesNotExist`;
    else if (values.length > 0) return `${where} has operator ${operator}, which takes no values; remove them`;
  }
  return undefined;
}

/** Whether what is in a namespace may attach to something in the namespace `own`. */
export function allowsNamespace(read: Reader, allowed: AllowedNamespaces, own: string, namespace: string): boolean {
  if (allowed.kind === "all") return true;
  if (allowed.kind === "same") return own === namespace;
  if (allowed.kind === "none") return false;
  const found = read.one(objects("Namespace"), objectKey("", namespace));
  // Kubernetes sets the name label itself; files have no API server that would.
  return found !== undefined && matchesLabels(allowed.selector, { "kubernetes.io/metadata.name": namespace, ...found.metadata.labels });
}

function matchesLabels(selector: LabelSelector, labels: Readonly<Record<string, string>>): boolean {
  const byLabel = Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value);
  return byLabel && (selector.matchExpressions ?? []).every((expression) => matchesExpression(expression, labels));
}

function matchesExpression({ key, operator, values = [] }: NonNullable<LabelSelector["matchExpressions"]>[number], labels: Readonly<Record<string, string>>): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  if (operator === "In") return value !== undefined && values.includes(value);
  if (operator === "NotIn") return value === undefined || !values.includes(value);
  return (value !== undefined) === (operator === "Exists");
}

/** The kinds of routes that can attach to a listener, and whether it names others, too. */
export interface AllowedKinds {
  readonly supported: readonly string[];
  readonly invalid: readonly string[];
}

/** Reads `allowedRoutes.kinds`, given the kinds that the listener's protocol carries. */
export function allowedKinds(listener: GatewayListener, carried: readonly string[]): AllowedKinds {
  const kinds = listener.allowedRoutes?.kinds ?? [];
  if (kinds.length === 0) return { supported: carried, invalid: [] };
  const isCarried = ({ group = gatewayGroup, kind }: { readonly group?: string; readonly kind: string }): boolean => group === gatewayGroup && carried.includes(kind);
  return {
    supported: [...new Set(kinds.filter(isCarried).map(({ kind }) => kind))],
    invalid: kinds.filter((kind) => !isCarried(kind)).map(({ group = gatewayGroup, kind }) => `${group}/${kind}`),
  };
}
