import { LineCounter, isMap, isNode, isScalar, isSeq, parseAllDocuments } from "yaml";
import type { Document, Node } from "yaml";
import { parseObject } from "#k8s/parse";
import { refOf } from "#k8s/object";
import type { FieldPath, KubeObject, ObjectRef } from "#k8s/object";

/** A place in a file; line and column begin at 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** Something wrong in a file, where it is, and what to write instead. */
export interface ManifestProblem {
  readonly severity: "error" | "warning";
  readonly place: Place;
  readonly message: string;
}

/** One object of a file, with a way to find the place of each of its fields. */
export interface ManifestObject {
  readonly object: KubeObject;
  readonly place: Place;
  locate(path: FieldPath): Place;
}

/** What a file holds. `broken` are objects that stand in it but cannot be used: their last good version goes on. */
export interface Manifest {
  readonly file: string;
  readonly objects: readonly ManifestObject[];
  readonly broken: readonly ObjectRef[];
  /** Whether nothing at all could be read, so that nothing can be said about which objects are gone. */
  readonly unreadable: boolean;
  readonly problems: readonly ManifestProblem[];
}

/** Reads one file of YAML documents or JSON. Lists count as what is in them. */
export function parseManifest(file: string, text: string): Manifest {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, uniqueKeys: true, strict: true, prettyErrors: false });
  const objects: ManifestObject[] = [];
  const broken: ObjectRef[] = [];
  const problems: ManifestProblem[] = [];
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { file, line, column: col };
  };
  for (const document of Array.isArray(documents) ? documents : []) {
    const [error] = document.errors;
    if (error !== undefined) problems.push({ severity: "error", place: placeAt(error.pos[0]), message: yamlMessage(error.code, error.message) });
    else readDocument(document, placeAt, { objects, broken, problems });
  }
  return { file, objects, broken, problems, unreadable: problems.some((problem) => problem.severity === "error") && objects.length === 0 && broken.length === 0 ? true : documentsBroken(documents) };
}

function documentsBroken(documents: ReturnType<typeof parseAllDocuments>): boolean {
  return Array.isArray(documents) && documents.some((document) => document.errors.length > 0);
}

interface Found {
  readonly objects: ManifestObject[];
  readonly broken: ObjectRef[];
  readonly problems: ManifestProblem[];
}

type PlaceAt = (offset: number) => Place;

function readDocument(document: Document.Parsed, placeAt: PlaceAt, found: Found): void {
  const json: unknown = document.toJS({ maxAliasCount: 100 });
  if (json === null || json === undefined) return;
  const items = (json as { items?: unknown }).items;
  const kind = (json as { kind?: unknown }).kind;
  if (typeof kind === "string" && kind.endsWith("List") && Array.isArray(items)) for (const [i, item] of items.entries()) readObject(item, document.getIn(["items", i], true), placeAt, found);
  else readObject(json, document.contents, placeAt, found);
}

function readObject(json: unknown, node: unknown, placeAt: PlaceAt, found: Found): void {
  const start = placeAt(isNode(node) ? (node.range?.[0] ?? 0) : 0);
  const locate = (path: FieldPath): Place => placeAt(offsetOf(node, path) ?? 0);
  const parsed = parseObject(json, { origin: "file" });
  if (parsed.ok) return void found.objects.push({ object: parsed.value, place: start, locate });
  if (parsed.error.kind === "unknown-kind") return void found.problems.push({ severity: "warning", place: locate(["kind"]), message: `${parsed.error.name} (${parsed.error.apiVersion}) is not a kind that Contour reads; it is left out` });
  for (const error of parsed.error.errors) found.problems.push({ severity: "error", place: locate(error.path), message: error.message });
  const ref = looseRef(json);
  if (ref !== undefined) found.broken.push(ref);
}

/** Who an object is that could not be parsed as a whole. */
function looseRef(json: unknown): ObjectRef | undefined {
  const { kind, metadata } = (json ?? {}) as { kind?: unknown; metadata?: { name?: unknown; namespace?: unknown } };
  if (typeof kind !== "string" || typeof metadata?.name !== "string") return undefined;
  const namespace = typeof metadata.namespace === "string" ? metadata.namespace : "default";
  return refOf({ apiVersion: "", kind, metadata: { name: metadata.name, namespace } });
}

/** Where the field is, or the nearest thing around it that is written down. */
function offsetOf(root: unknown, path: FieldPath): number | undefined {
  let node: unknown = root;
  let offset = isNode(node) ? node.range?.[0] : undefined;
  for (const [i, part] of path.entries()) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && item.key.value === part);
      if (pair === undefined) break;
      offset = (i === path.length - 1 && isScalar(pair.value) ? pair.value.range?.[0] : undefined) ?? (pair.key as Node).range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof part === "number") {
      node = node.items[part];
      if (isNode(node)) offset = node.range?.[0] ?? offset;
    } else break;
  }
  return offset;
}

function yamlMessage(code: string, message: string): string {
  const hints: Readonly<Record<string, string>> = {
    TAB_AS_INDENT: "tabs cannot indent YAML; use spaces",
    DUPLICATE_KEY: "this key stands here twice; keep one of them",
    BAD_INDENT: "the indentation does not fit the lines above; align it with its neighbours",
    MISSING_CHAR: `${message}; is a quote, colon or bracket missing?`,
  };
  return hints[code] ?? `this is not YAML: ${message}`;
}
