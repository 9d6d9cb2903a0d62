import { proxyError } from "#conditions/http-proxy";
import type { HTTPProxy } from "#gen/k8s/http-proxy";
import { parseGoDuration } from "#lib/go-duration";
import type { FieldPath } from "#k8s/object";
import type { CorsOrigin, CorsPolicy } from "#model/policy";
import type { Parsed } from "#translate/shared/parsed";
import { parseRegex } from "#translate/shared/regex";

type Spec = NonNullable<HTTPProxy["spec"]["virtualhost"]>["corsPolicy"];

/** Reads a corsPolicy: origins are `*`, exact (`https://host[:port]`) or regular expressions. */
export function corsPolicy(policy: Spec, at: FieldPath): Parsed<CorsPolicy> {
  if (policy === undefined) return { problems: [] };
  const refuse = (field: FieldPath, message: string): Parsed<CorsPolicy> => ({ problems: [proxyError("CORSError", "PolicyDidNotParse", [...at, ...field], message)] });
  const allowOrigins: CorsOrigin[] = [];
  for (const [i, text] of policy.allowOrigin.entries()) {
    const origin = parseOrigin(text);
    if (typeof origin === "string") return refuse(["allowOrigin", i], origin);
    allowOrigins.push(origin);
  }
  const age = policy.maxAge === undefined || policy.maxAge === "" ? undefined : parseGoDuration(policy.maxAge);
  if (age !== undefined && (!age.ok || age.value < 0)) return refuse(["maxAge"], age.ok ? "maxAge is negative; write 0 or a duration like 10m" : age.error);
  return {
    problems: [],
    value: {
      allowOrigins,
      allowMethods: policy.allowMethods,
      allowHeaders: policy.allowHeaders ?? [],
      exposeHeaders: policy.exposeHeaders ?? [],
      allowCredentials: policy.allowCredentials ?? false,
      allowPrivateNetwork: policy.allowPrivateNetwork ?? false,
      ...(age?.ok === true ? { maxAgeSeconds: Math.trunc(age.value / 1000) } : {}),
    },
  };
}

function parseOrigin(text: string): CorsOrigin | string {
  if (text === "*") return { kind: "any" };
  if (/^[a-z][a-z0-9+.-]*:\/\/[A-Za-z0-9.-]+(:\d+)?$/.test(text)) return { kind: "exact", origin: text };
  const regex = parseRegex(text);
  return regex.ok ? { kind: "regex", pattern: text } : `${regex.error}; write "*", an origin like https://shop.example.com, or a regular expression`;
}
