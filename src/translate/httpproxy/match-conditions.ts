import type { HTTPProxy } from "#gen/k8s/http-proxy";
import { proxyError } from "#conditions/http-proxy";
import type { HttpProxyProblem, ProblemReason } from "#conditions/http-proxy";
import { isHeaderName } from "#lib/http-text";
import { Bug } from "#lib/bug";
import type { FieldPath } from "#k8s/object";
import type { HeaderMatch, PathMatch, QueryMatch, RouteMatch, ValueMatch } from "#model/route";
import type { Parsed } from "#translate/shared/parsed";
import { escapeRegex } from "#lib/regex";
import { parseRegex } from "#translate/shared/regex";

type Condition = NonNullable<NonNullable<HTTPProxy["spec"]["routes"]>[number]["conditions"]>[number];
type HeaderCondition = NonNullable<Condition["header"]>;
type QueryCondition = NonNullable<Condition["queryParameter"]>;

/** One block of conditions: of an include or of a route. A path that is absent adds nothing to what is inherited. */
export interface MatchBlock {
  readonly path?: PathMatch;
  readonly headers: readonly HeaderMatch[];
  readonly queryParameters: readonly QueryMatch[];
}

/** Whether the block belongs to an include, where only prefixes are allowed, or to a route. */
export type BlockOwner = "include" | "route";

/** Reads a block of conditions. It has a value only when every condition in it is right. */
export function parseConditions(conditions: readonly Condition[] | undefined, at: FieldPath, owner: BlockOwner): Parsed<MatchBlock> {
  const problems: HttpProxyProblem[] = [];
  const block = { path: undefined as PathMatch | undefined, headers: [] as HeaderMatch[], queryParameters: [] as QueryMatch[] };
  for (const [i, condition] of (conditions ?? []).entries()) {
    const path = [...at, i];
    parsePath(condition, path, owner, block, problems);
    if (condition.header !== undefined) parseHeader(condition.header, [...path, "header"], block.headers, problems);
    if (condition.queryParameter !== undefined) parseQuery(condition.queryParameter, [...path, "queryParameter"], block.queryParameters, problems);
  }
  if (problems.length > 0) return { problems };
  const { path, headers, queryParameters } = block;
  return { value: { ...(path === undefined ? {} : { path }), headers, queryParameters }, problems };
}

function pathProblem(owner: BlockOwner, at: FieldPath, message: string): HttpProxyProblem {
  const reason = "PathMatchConditionsNotValid" satisfies ProblemReason<"RouteError"> & ProblemReason<"IncludeError">;
  return owner === "include" ? proxyError("IncludeError", reason, at, message) : proxyError("RouteError", reason, at, message);
}

function parsePath(condition: Condition, at: FieldPath, owner: BlockOwner, block: { path: PathMatch | undefined }, problems: HttpProxyProblem[]): void {
  for (const kind of ["prefix", "exact", "regex"] as const) {
    const text = condition[kind];
    if (text === undefined || text === "") continue;
    const where = [...at, kind];
    if (owner === "include" && kind !== "prefix") problems.push(pathProblem(owner, where, `an include may have a prefix condition only; move ${kind} to a route of the included HTTPProxy`));
    else if (block.path !== undefined) problems.push(pathProblem(owner, where, "there is more than one path condition in this block; leave one of prefix, exact and regex"));
    else if (!text.startsWith("/")) problems.push(pathProblem(owner, where, `${JSON.stringify(text)} does not begin with a slash; write ${JSON.stringify(`/${text}`)}`));
    else block.path = pathMatch(kind, text, where, owner, problems);
  }
}

function pathMatch(kind: "prefix" | "exact" | "regex", text: string, at: FieldPath, owner: BlockOwner, problems: HttpProxyProblem[]): PathMatch {
  if (kind === "exact") return { kind, path: text };
  if (kind === "prefix") return { kind, path: text, by: "string" };
  const regex = parseRegex(text);
  if (!regex.ok) problems.push(pathProblem(owner, at, regex.error));
  return { kind, pattern: text };
}

/** The operators of a header condition, in the order in which the first one found counts. */
const headerOperators = ["present", "notpresent", "contains", "notcontains", "exact", "notexact", "regex"] as const;

function parseHeader(header: HeaderCondition, at: FieldPath, headers: HeaderMatch[], problems: HttpProxyProblem[]): void {
  const operator = headerOperators.find((candidate) => header[candidate] !== undefined && header[candidate] !== false && header[candidate] !== "");
  const name = header.name.toLowerCase();
  const refuse = (message: string): number => problems.push(proxyError("RouteError", "HeaderMatchConditionsNotValid", at, message));
  if (!isHeaderName(header.name)) return void refuse(`${JSON.stringify(header.name)} is not a header name`);
  if (operator === undefined) return void refuse(`the condition on header ${JSON.stringify(header.name)} says nothing; add one of ${headerOperators.join(", ")}`);
  const match = headerMatch(header, name, operator);
  if (match.value.kind === "regex") {
    const regex = parseRegex(match.value.pattern);
    if (!regex.ok) return void refuse(regex.error);
  }
  if (operator === "exact" && headers.some((other) => other.name === name && other.value.kind === "exact" && !other.invert)) return void refuse(`header ${JSON.stringify(header.name)} cannot have two exact values at once; remove one of the conditions`);
  if (headers.some((other) => contradicts(other, match))) return void refuse(`this condition on header ${JSON.stringify(header.name)} contradicts another one of the block, so no request can match`);
  headers.push(match);
}

function headerMatch(header: HeaderCondition, name: string, operator: (typeof headerOperators)[number]): HeaderMatch {
  const ignoreCase = header.ignoreCase ?? false;
  const invert = operator.startsWith("not");
  const value = ((): ValueMatch => {
    switch (operator) {
      case "present":
      case "notpresent":
        return { kind: "present" };
      case "contains":
      case "notcontains":
        return { kind: "contains", value: header[operator] ?? "", ignoreCase };
      case "exact":
      case "notexact":
        return { kind: "exact", value: header[operator] ?? "", ignoreCase };
      case "regex":
        return { kind: "regex", pattern: header.regex ?? "" };
      default:
        throw new Bug(`header operator ${operator satisfies never}`);
    }
  })();
  return { name, value, invert, treatMissingAsEmpty: invert && (header.treatMissingAsEmpty ?? false) };
}

/** Whether two rules on one header are each other's opposite. */
function contradicts(a: HeaderMatch, b: HeaderMatch): boolean {
  return a.name === b.name && a.invert !== b.invert && JSON.stringify(a.value) === JSON.stringify(b.value);
}

const queryOperators = ["exact", "prefix", "suffix", "contains", "regex", "present"] as const;

function parseQuery(query: QueryCondition, at: FieldPath, queries: QueryMatch[], problems: HttpProxyProblem[]): void {
  const refuse = (message: string): number => problems.push(proxyError("RouteError", "QueryParameterMatchConditionsNotValid", at, message));
  const operators = queryOperators.filter((operator) => query[operator] !== undefined && query[operator] !== false && query[operator] !== "");
  const [operator] = operators;
  if (operator === undefined || operators.length > 1) return void refuse(`the condition on query parameter ${JSON.stringify(query.name)} needs exactly one of ${queryOperators.join(", ")}; it has ${operators.length === 0 ? "none" : operators.join(" and ")}`);
  const value = queryValue(query, operator);
  if (value.kind === "regex") {
    const regex = parseRegex(value.pattern);
    if (!regex.ok) return void refuse(regex.error);
  }
  const same = (other: QueryMatch): boolean => other.name.toLowerCase() === query.name.toLowerCase();
  if (operator === "exact" && queries.some((other) => same(other) && other.value.kind === "exact")) return void refuse(`query parameter ${JSON.stringify(query.name)} cannot have two exact values at once; remove one of the conditions`);
  queries.push({ name: query.name, value });
}

function queryValue(query: QueryCondition, operator: (typeof queryOperators)[number]): ValueMatch {
  if (operator === "present") return { kind: "present" };
  if (operator === "regex") return { kind: "regex", pattern: query.regex ?? "" };
  return { kind: operator, value: query[operator] ?? "", ignoreCase: query.ignoreCase ?? false };
}

/** The match of a route: what its include chain says, and what it says itself. */
export function mergeBlocks(blocks: readonly MatchBlock[]): RouteMatch {
  return {
    path: mergePaths(blocks.flatMap((block) => (block.path === undefined ? [] : [block.path]))),
    headers: blocks.flatMap((block) => block.headers),
    queryParameters: blocks.flatMap((block) => block.queryParameters),
  };
}

/** Prefixes are put together; an exact path or regular expression can only come last. */
function mergePaths(paths: readonly PathMatch[]): PathMatch {
  const last = paths.at(-1);
  const prefix = cleanSlashes(paths.flatMap((path) => (path.kind === "prefix" ? [path.path] : [])).join(""));
  if (last === undefined || last.kind === "prefix") return { kind: "prefix", path: prefix, by: "string" };
  if (last.kind === "exact") return { kind: "exact", path: cleanSlashes(`${prefix}${last.path}`) };
  return { kind: "regex", pattern: prefix === "/" ? last.pattern : `${escapeRegex(prefix.replace(/\/$/, ""))}${last.pattern}` };
}

function cleanSlashes(path: string): string {
  const clean = path.replace(/\/{2,}/g, "/");
  return clean === "" ? "/" : clean;
}

/** A text that is equal for blocks that match the same requests, whatever the order of their conditions. */
export function blockKey(block: MatchBlock): string {
  const sorted = (items: readonly unknown[]): readonly string[] => items.map((item) => JSON.stringify(item)).toSorted();
  return JSON.stringify([block.path ?? { kind: "prefix", path: "/", by: "string" }, sorted(block.headers), sorted(block.queryParameters)]);
}

/** Whether a block lets every request through: several includes may do so, their routes tell them apart. */
export function matchesEverything(block: MatchBlock): boolean {
  return block.headers.length === 0 && block.queryParameters.length === 0 && (block.path === undefined || (block.path.kind === "prefix" && block.path.path === "/"));
}
