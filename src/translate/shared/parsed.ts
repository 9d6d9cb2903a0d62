import type { HttpProxyProblem } from "#conditions/http-proxy";

/** What a part of an HTTPProxy means, with what is wrong in it. Without a value the part cannot be used. */
export interface Parsed<T> {
  readonly value?: T;
  readonly problems: readonly HttpProxyProblem[];
}
