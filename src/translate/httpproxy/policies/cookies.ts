import { proxyError } from "#conditions/http-proxy";
import type { FieldPath } from "#k8s/object";
import type { CookieRewrite } from "#model/policy";
import type { RouteSpec } from "#translate/httpproxy/routes";
import type { Parsed } from "#translate/shared/parsed";

/** Reads changes to cookies that backends set: each names another cookie and changes something. */
export function cookieRewrites(policies: RouteSpec["cookieRewritePolicies"], at: FieldPath): Parsed<readonly CookieRewrite[]> {
  const value = (policies ?? []).map((policy): CookieRewrite => ({
    name: policy.name,
    ...(policy.pathRewrite === undefined ? {} : { path: policy.pathRewrite.value }),
    ...(policy.domainRewrite === undefined ? {} : { domain: policy.domainRewrite.value }),
    ...(policy.secure === undefined ? {} : { secure: policy.secure }),
    ...(policy.sameSite === undefined ? {} : { sameSite: policy.sameSite }),
  }));
  const problems = value.flatMap((rewrite, i) => {
    const refuse = (message: string) => [proxyError("RouteError", "CookieRewritePoliciesInvalid", [...at, i], message)];
    if (value.findIndex((other) => other.name === rewrite.name) !== i) return refuse(`cookie ${JSON.stringify(rewrite.name)} has two policies; keep one of them`);
    return Object.keys(rewrite).length === 1 ? refuse(`the policy for cookie ${JSON.stringify(rewrite.name)} changes nothing; add pathRewrite, domainRewrite, secure or sameSite`) : [];
  });
  return problems.length > 0 ? { problems } : { problems, value };
}
