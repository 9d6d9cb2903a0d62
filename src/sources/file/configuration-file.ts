import { LineCounter, isMap, isNode, isScalar, parseDocument } from "yaml";
import type { Document } from "yaml";
import type { FieldPath, KubeObject } from "#k8s/object";
import { formatFieldPath } from "#k8s/object";
import { parseObject } from "#k8s/parse";
import { schemaOf } from "#k8s/schema";
import { nearestName } from "#lib/nearest-name";
import { fail, ok } from "#lib/result";
import type { Result } from "#lib/result";
import { configurationKeys, programKeys } from "#sources/file/configuration-keys";

/** What a configuration file says about the program itself. */
export interface ProgramConfiguration {
  readonly debug?: boolean;
  readonly incluster?: boolean;
  readonly kubeconfig?: string;
}

/** A configuration file as it is used. */
export interface ConfigurationFile {
  readonly program: ProgramConfiguration;
  /** The same as a ContourConfiguration. */
  readonly configuration: KubeObject;
  /** Keys that are understood and have no effect here. */
  readonly idle: readonly string[];
  /** Says where a field of the ContourConfiguration is in the file, and under which key. */
  describe(path: FieldPath, message: string): string;
}

type Json = Readonly<Record<string, unknown>>;

/** Reads a configuration file of Go Contour's form. Errors say the file, line and column. */
export function parseConfigurationFile(file: string, text: string): Result<ConfigurationFile, readonly string[]> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, strict: true, prettyErrors: false });
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const [broken] = document.errors;
  if (broken !== undefined) return fail([`${at(broken.pos[0])}: ${broken.message}`]);
  const json: unknown = document.toJS({ maxAliasCount: 100 }) ?? {};
  if (!isMapping(json)) return fail([`${at(0)}: a configuration file is a mapping of keys, like "accesslog-format: envoy"`]);
  const sourceOf = (path: readonly string[]): string | undefined => {
    const node = document.getIn(path, true);
    return isScalar(node) ? node.source : undefined;
  };
  const reader = new KeyReader((path) => at(offsetOf(document, path)), sourceOf);
  reader.read(json, []);
  const program = reader.program(json);
  const parsed = parseObject({ apiVersion: "projectcontour.io/v1alpha1", kind: "ContourConfiguration", metadata: { name: "configuration-file" }, spec: withWholeService(reader.spec) }, { origin: "file" });
  if (!parsed.ok && parsed.error.kind === "invalid") for (const { path, message } of parsed.error.errors) reader.problems.push(reader.describe(path, message));
  if (!parsed.ok || reader.problems.length > 0) return fail(reader.problems);
  return ok({ program, configuration: parsed.value, idle: reader.idle, describe: (path, message) => reader.describe(path, message) });
}

function isMapping(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Name and namespace of Envoy's Service have defaults of their own in a file; the object wants both or none. */
function withWholeService(spec: Json): Json {
  const { envoy } = spec;
  return isMapping(envoy) && isMapping(envoy["service"]) ? { ...spec, envoy: { ...envoy, service: { name: "", namespace: "", ...envoy["service"] } } } : spec;
}

/** Turns keys into fields, and remembers which is which. */
class KeyReader {
  readonly spec: Record<string, unknown> = {};
  readonly problems: string[] = [];
  readonly idle: string[] = [];
  readonly #place: (path: readonly string[]) => string;
  readonly #sourceOf: (path: readonly string[]) => string | undefined;

  constructor(place: (path: readonly string[]) => string, sourceOf: (path: readonly string[]) => string | undefined) {
    this.#place = place;
    this.#sourceOf = sourceOf;
  }

  read(json: Json, above: readonly string[]): void {
    for (const [name, value] of Object.entries(json)) this.#key([...above, name], value);
  }

  #key(path: readonly string[], value: unknown): void {
    const key = path.join(".");
    const found = configurationKeys.get(key);
    if (found !== undefined) {
      const read = found.form === "same" ? this.#text(found.field, path, value) : this.#reference(path, value);
      if (value !== null && read !== undefined) assign(this.spec, found.field.split("."), read);
      return;
    }
    if (path.length === 1 && programKeys.some((known) => known === key)) return;
    const inner = [...configurationKeys.keys()].some((known) => known.startsWith(`${key}.`));
    if (inner && isMapping(value)) return this.read(value, path);
    if (inner && value === null) return;
    if (inner) return void this.problems.push(`${this.#place(path)}: ${key} has keys of its own: ${namesBelow(path).join(", ")}`);
    const nearest = nearestName(path.at(-1) ?? "", namesBelow(path.slice(0, -1)));
    this.problems.push(`${this.#place(path)}: there is no key ${JSON.stringify(key)}; ${nearest === undefined ? `known here: ${namesBelow(path.slice(0, -1)).join(", ")}` : `did you mean ${JSON.stringify(nearest)}?`}`);
  }

  /** What YAML takes for a number, where a text is wanted, is what the user wrote: 1.2 is a version of TLS. */
  #text(field: string, path: readonly string[], value: unknown): unknown {
    return typeof value === "number" && isText(field) ? (this.#sourceOf(path) ?? value) : value;
  }

  #reference(path: readonly string[], value: unknown): { readonly namespace: string; readonly name: string } | undefined {
    const [namespace = "", name = "", ...rest] = typeof value === "string" ? value.split("/") : [];
    if (namespace !== "" && name !== "" && rest.length === 0) return { namespace, name };
    if (value !== null) this.problems.push(`${this.#place(path)}: ${path.join(".")} is ${JSON.stringify(value)}; write namespace/name`);
    return undefined;
  }

  program({ debug, incluster, kubeconfig, ...rest }: Json): ProgramConfiguration {
    for (const key of ["kubernetesClientQPS", "kubernetesClientBurst"]) if (rest[key] !== undefined) this.idle.push(key);
    const flag = (key: string, value: unknown): boolean => {
      if (value !== undefined && value !== null && typeof value !== "boolean") this.problems.push(`${this.#place([key])}: ${key} is ${JSON.stringify(value)}; write true or false`);
      return value === true;
    };
    if (kubeconfig !== undefined && typeof kubeconfig !== "string") this.problems.push(`${this.#place(["kubeconfig"])}: kubeconfig is ${JSON.stringify(kubeconfig)}; write a path`);
    return { debug: flag("debug", debug), incluster: flag("incluster", incluster), ...(typeof kubeconfig === "string" ? { kubeconfig } : {}) };
  }

  /** A problem of a field, told of the key that it came from. */
  describe(path: FieldPath, message: string): string {
    const field = path.slice(1).join(".");
    const [key, found] = [...configurationKeys].find(([, { field: known }]) => field === known || field.startsWith(`${known}.`) || known.startsWith(`${field}.`)) ?? [];
    if (key === undefined || found === undefined) return `${this.#place([])}: ${message}`;
    return `${this.#place(key.split("."))}: ${message.replaceAll(formatFieldPath(["spec", ...found.field.split(".")]), key)}`;
  }
}

/** Whether a field of a ContourConfiguration's spec is a text. */
function isText(field: string): boolean {
  let schema: unknown = schemaOf("ContourConfiguration");
  for (const name of ["spec", ...field.split(".")]) schema = isMapping(schema) && isMapping(schema["properties"]) ? schema["properties"][name] : undefined;
  return isMapping(schema) && schema["type"] === "string";
}

/** The names that a mapping at a path may have. */
function namesBelow(path: readonly string[]): readonly string[] {
  const all = [...configurationKeys.keys(), ...programKeys].map((key) => key.split("."));
  return [...new Set(all.filter((key) => path.every((name, i) => key[i] === name)).flatMap((key) => key[path.length] ?? []))].toSorted();
}

function assign(target: Record<string, unknown>, [first = "", ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) return void (target[first] = value);
  const inner = (target[first] ?? {}) as Record<string, unknown>;
  target[first] = inner;
  assign(inner, rest, value);
}

/** Where a key is written, or the nearest one around it. */
function offsetOf(document: Document.Parsed, path: readonly string[]): number {
  let node: unknown = document.contents;
  let offset = isNode(node) ? (node.range?.[0] ?? 0) : 0;
  for (const name of path) {
    const pair = isMap(node) ? node.items.find(({ key }) => isScalar(key) && key.value === name) : undefined;
    if (pair === undefined) return offset;
    if (isNode(pair.key)) offset = pair.key.range?.[0] ?? offset;
    node = pair.value;
  }
  return offset;
}
