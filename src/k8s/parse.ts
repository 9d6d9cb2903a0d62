import { fail, ok } from "#lib/result";
import type { Result } from "#lib/result";
import { kindOf } from "#k8s/kinds";
import type { KindSpec } from "#k8s/kinds";
import type { FieldError, KubeObject } from "#k8s/object";
import { applyDefaults, dropNulls } from "#k8s/defaults";
import { checkRules } from "#k8s/rules";
import { describeSchemaErrors } from "#k8s/schema-errors";
import { schemaOf, validatorOf } from "#k8s/schema";

/** Why JSON is not one of our objects: it is of another kind, or fields of it are wrong. */
export type ParseFailure = { readonly kind: "unknown-kind"; readonly apiVersion: string; readonly name: string } | { readonly kind: "invalid"; readonly errors: readonly FieldError[] };

type Loose = { apiVersion?: unknown; kind?: unknown; metadata?: unknown };

/**
 * Parses an object. From a file everything is checked that an API server would check, unknown fields are errors, and defaults are
 * filled in. From a cluster the API server has done that; the check only keeps what an older CRD let through from doing harm.
 */
export function parseObject(json: unknown, options: { readonly origin: "file" | "cluster" }): Result<KubeObject, ParseFailure> {
  const invalid = (path: FieldError["path"], message: string): Result<KubeObject, ParseFailure> => fail({ kind: "invalid", errors: [{ path, message }] });
  if (typeof json !== "object" || json === null || Array.isArray(json)) return invalid([], "a Kubernetes object is expected here: apiVersion, kind, metadata …");
  const { apiVersion, kind, metadata } = json as Loose;
  if (typeof apiVersion !== "string") return invalid(["apiVersion"], "the object lacks apiVersion; write one like projectcontour.io/v1");
  if (typeof kind !== "string") return invalid(["kind"], "the object lacks kind; write one like HTTPProxy");
  const spec = kindOf(apiVersion, kind);
  if (spec === undefined) return fail({ kind: "unknown-kind", apiVersion, name: kind });
  if (typeof metadata !== "object" || metadata === null) return invalid(["metadata"], "the object lacks metadata with a name");
  return options.origin === "cluster" ? fromCluster(json as KubeObject, spec) : fromFile(json as KubeObject, spec);
}

function fromCluster(object: KubeObject, spec: KindSpec): Result<KubeObject, ParseFailure> {
  if (!spec.crd) return ok(object);
  const validate = validatorOf(spec.kind, "lenient");
  return validate(object) ? ok(object) : fail({ kind: "invalid", errors: describeSchemaErrors(validate.errors ?? []) });
}

function fromFile(object: KubeObject, spec: KindSpec): Result<KubeObject, ParseFailure> {
  const named = checkMetadata(object, spec);
  const clean = dropNulls(withNamespace(object, spec)) as KubeObject;
  const expectedVersion = spec.group === "" ? spec.version : `${spec.group}/${spec.version}`;
  const version = clean.apiVersion === expectedVersion || spec.group === "gateway.networking.k8s.io" ? [] : [{ path: ["apiVersion"], message: `${spec.kind} is read in version ${expectedVersion}, not ${clean.apiVersion}` }];
  const filled = applyDefaults(schemaOf(spec.kind), clean) as KubeObject;
  const validate = validatorOf(spec.kind, "strict");
  const schema = validate(filled) ? [] : describeSchemaErrors(validate.errors ?? []);
  const errors = [...version, ...named, ...schema];
  // Rules look at fields by type, so they are checked only when types are right.
  const all = errors.length > 0 ? errors : checkRules(schemaOf(spec.kind), filled);
  return all.length > 0 ? fail({ kind: "invalid", errors: all }) : ok(mergeStringData(filled));
}

function withNamespace(object: KubeObject, spec: KindSpec): KubeObject {
  if (!spec.namespaced || object.metadata.namespace !== undefined) return object;
  return { ...object, metadata: { ...object.metadata, namespace: "default" } };
}

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

function checkMetadata(object: KubeObject, spec: KindSpec): readonly FieldError[] {
  const { name, namespace } = object.metadata as { name?: unknown; namespace?: unknown };
  const errors: FieldError[] = [];
  if (typeof name !== "string" || name === "") errors.push({ path: ["metadata", "name"], message: "the object lacks metadata.name; add one" });
  else if (name.length > 253 || !subdomain.test(name)) errors.push({ path: ["metadata", "name"], message: `metadata.name is ${JSON.stringify(name.slice(0, 60))}; write at most 253 lower-case letters, digits, "-" and ".", beginning and ending with a letter or digit` });
  if (namespace !== undefined && (typeof namespace !== "string" || namespace.length > 63 || !/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(namespace))) errors.push({ path: ["metadata", "namespace"], message: `metadata.namespace is ${JSON.stringify(namespace)}; write at most 63 lower-case letters, digits and "-"` });
  if (namespace !== undefined && !spec.namespaced) errors.push({ path: ["metadata", "namespace"], message: `${spec.kind} belongs to the whole cluster; remove metadata.namespace` });
  return errors;
}

/** `stringData` of a Secret is a way to write `data` without encoding it; the API server merges it likewise. */
function mergeStringData(object: KubeObject): KubeObject {
  if (object.kind !== "Secret" || !("stringData" in object)) return object;
  const { stringData, data, ...rest } = object as KubeObject & { stringData?: Record<string, string>; data?: Record<string, string> };
  const encoded = Object.entries(stringData ?? {}).map(([key, value]) => [key, Buffer.from(value, "utf8").toString("base64")]);
  return { ...rest, data: { ...data, ...Object.fromEntries(encoded) } } as KubeObject;
}
