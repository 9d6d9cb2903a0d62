import type { FieldNode, FieldRow, Limits } from "./field-table.ts";
import { namesOf } from "./field-table.ts";

/** One object to be sent, and whether the table wants it to be taken. */
export interface FieldCase {
  readonly what: string;
  readonly kind: string;
  readonly path: string;
  readonly object: Json;
  readonly taken: boolean;
}

type Json = Readonly<Record<string, unknown>>;
type Tree = ReadonlyMap<string, FieldNode>;

/** Values that fit the patterns of the table, and some that fit few. */
const words = ["a", "/a", "1s", "10", "GET", "a.b", "name", "100", "1.5", "ECDHE-RSA-AES128-GCM-SHA256", "X25519", "A1", "a-b", "10.0.0.0/8", "x=y"];
const oddWords = ["", " ", "!?", ";", "Ä", "a b", "\u0001", "/ä ö", "(", "*.", "-", "no-such-choice-"];

/** What rules between fields want beside a field; the key is the end of the path of the object around it. */
const companions: readonly (readonly [end: string, add: (names: readonly string[]) => Json])[] = [
  ["authorization", (names) => (names.includes("httpSettings") ? { serviceType: "http" } : {})],
  ["globalExtAuth", (names) => (names.includes("httpSettings") ? { serviceType: "http" } : {})],
  ["allowedAuthorizationHeaders", (names) => oneOperator(names)],
  ["allowedUpstreamHeaders", (names) => oneOperator(names)],
  ["jwtProviders", (names) => (names.includes("localJWKS") ? {} : { remoteJWKS: { uri: "https://a.test/keys" } })],
  ["validation", (names) => (names.includes("subjectNames") ? { subjectNames: ["a"], subjectName: "a" } : {})],
];

function oneOperator(names: readonly string[]): Json {
  return ["exact", "prefix", "suffix", "contains"].some((name) => names.at(-1) === name) ? {} : { exact: "a" };
}

/** Everything that the table says about the fields of a kind that a user writes. */
export function casesOf(kind: string, apiVersion: string, tree: Tree): readonly FieldCase[] {
  return allRows(tree).filter(({ path }) => path.startsWith("spec")).flatMap((row) => {
    const make = (what: string, taken: boolean, value: unknown): FieldCase => ({ what, kind, path: row.path, taken, object: { apiVersion, kind, metadata: { name: "x", namespace: "default" }, ...(withField(tree, namesOf(row.path), value) as Json) } });
    return [
      make("takes a good value", true, goodValue(nodeOf(tree, row.path))),
      ...badValues(nodeOf(tree, row.path)).map(([what, value]) => make(what, false, value)),
      ...edges(row).map(([what, value]) => make(what, true, value)),
      ...(row.required ? [make("is required", false, undefined)] : []),
    ];
  });
}

function allRows(tree: Tree): readonly FieldRow[] {
  return [...tree.values()].flatMap((node) => [node.row, ...allRows(node.children)]);
}

function nodeOf(tree: Tree, path: string): FieldNode {
  let level = tree;
  let found: FieldNode | undefined;
  for (const name of namesOf(path)) {
    found = level.get(name);
    level = found?.children ?? new Map();
  }
  if (found === undefined) throw new Error(`no field ${path}`);
  return found;
}

/** An object with what is required, and `value` at the path. */
function withField(tree: Tree, names: readonly string[], value: unknown, around = ""): unknown {
  const [name = "", ...rest] = names;
  const required = [...tree].filter(([other, node]) => node.row.required && other !== name).map(([other, node]) => [other, goodValue(node)] as const);
  const node = tree.get(name);
  const inner = rest.length === 0 ? value : wrap(node, withField(node?.children ?? new Map(), rest, value, name));
  const beside = Object.assign({}, ...companions.filter(([end]) => end === around).map(([, add]) => add(names))) as Json;
  return { ...Object.fromEntries(required), ...beside, ...(inner === undefined ? {} : { [name]: inner }) };
}

function wrap(node: FieldNode | undefined, value: unknown): unknown {
  return node?.row.type === "[]object" ? [value] : value;
}

function goodValue(node: FieldNode): unknown {
  const { type, limits, path } = node.row;
  switch (type) {
    case "string":
      return words.find((word) => fits(word, limits)) ?? limits.enum?.[0] ?? (() => { throw new Error(`no good value for ${path}`); })();
    case "integer":
      return Number(limits.enum?.[0] ?? goodNumber(limits));
    case "boolean":
      return true;
    case "object":
      return withField(node.children, [], undefined, namesOf(path).at(-1));
    case "[]object":
      return [withField(node.children, [], undefined, namesOf(path).at(-1))];
    case "[]string":
      return [limits.itemEnum?.[0] ?? words.find((word) => limits.itemPattern?.test(word) ?? true)];
    case "[]integer":
      return [Number(limits.itemEnum?.[0] ?? 300)];
    default:
      return { a: "b" };
  }
}

function goodNumber({ minimum = 0, maximum = Number.MAX_SAFE_INTEGER }: Limits): number {
  return Math.min(Math.max(minimum, 1), maximum);
}

function fits(text: string, { minLength = 0, maxLength = Number.MAX_SAFE_INTEGER, enum: choices, pattern }: Limits): boolean {
  return text.length >= minLength && text.length <= maxLength && (choices?.includes(text) ?? true) && (pattern?.test(text) ?? true);
}

type Named = readonly [what: string, value: unknown];

function badValues({ row: { type, limits }, children }: FieldNode): readonly Named[] {
  switch (type) {
    case "string":
      return [["refuses a number", 5], ...badTexts(limits)];
    case "integer":
      return [["refuses a text", "5"], ["refuses a fraction", 1.5], ...(limits.enum === undefined ? [] : [["refuses another number", 1] as const]), ...beyond(limits)];
    case "boolean":
      return [["refuses a text", "true"]];
    case "object":
      // Where the table ends, Kubernetes has types of its own, or any text may stand.
      return [["refuses a list", []], ...(children.size === 0 ? [] : [["refuses an unknown field", { noSuchField: 1 }] as const])];
    case "[]object":
      return [["refuses an object", {}], ["refuses texts", ["a"]], ...tooFew(limits)];
    case "[]string":
      return [["refuses a text", "a"], ["refuses numbers", [5]], ...tooFew(limits), ...badItems(limits)];
    case "[]integer":
      return [["refuses texts", ["a"]], ...(limits.itemEnum === undefined ? [] : [["refuses another number", [1]] as const])];
    default:
      return [["refuses a list", []], ["refuses numbers", { a: 5 }]];
  }
}

function badTexts(limits: Limits): readonly Named[] {
  const long = limits.maxLength === undefined ? [] : [["is not longer than its limit", "a".repeat(limits.maxLength + 1)] as const];
  const short = (limits.minLength ?? 0) > 0 ? [["is not empty", ""] as const] : [];
  const odd = oddWords.find((word) => word.length >= (limits.minLength ?? 0) && (limits.enum?.includes(word) === false || limits.pattern?.test(word) === false));
  return [...long, ...short, ...(odd === undefined ? [] : [[`refuses ${JSON.stringify(odd)}`, odd] as const])];
}

function beyond({ minimum, maximum }: Limits): readonly Named[] {
  return [...(minimum === undefined ? [] : [["is not below its minimum", minimum - 1] as const]), ...(maximum === undefined ? [] : [["is not above its maximum", maximum + 1] as const])];
}

function tooFew({ minItems = 0 }: Limits): readonly Named[] {
  return minItems > 0 ? [["is not an empty list", []]] : [];
}

function badItems({ itemPattern, itemEnum }: Limits): readonly Named[] {
  const odd = oddWords.find((word) => itemPattern?.test(word) === false || itemEnum?.includes(word) === false);
  return odd === undefined ? [] : [[`refuses ${JSON.stringify(odd)}`, [odd]]];
}

function edges({ type, limits }: FieldRow): readonly Named[] {
  const choices = type === "string" ? (limits.enum ?? []).map((choice): Named => [`takes ${choice}`, choice]) : [];
  const lowest: readonly Named[] = type === "integer" && limits.minimum !== undefined ? [["takes its minimum", limits.minimum]] : [];
  return [...choices, ...lowest];
}
