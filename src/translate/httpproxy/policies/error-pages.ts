import type { HTTPProxy } from "#gen/k8s/http-proxy";
import type { ErrorPage } from "#model/policy";

type Spec = NonNullable<HTTPProxy["spec"]["virtualhost"]>["errorPages"];

/** Reads the errorPages of a host or route: `404` is one answer, `5xx` a class of them. */
export function errorPages(pages: Spec): readonly ErrorPage[] | undefined {
  return pages?.map(({ statusCodes, body, contentType, statusCode }) => ({
    answers: statusCodes.map((code) => (code.endsWith("xx") ? { from: Number(`${code.slice(0, 1)}00`), to: Number(`${code.slice(0, 1)}99`) } : { from: Number(code), to: Number(code) })),
    body,
    contentType: contentType === undefined || contentType === "" ? "text/html; charset=utf-8" : contentType,
    ...(statusCode === undefined || statusCode === 0 ? {} : { status: statusCode }),
  }));
}
