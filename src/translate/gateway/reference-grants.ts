import type { Reader, Rule } from "#store/family";
import { family } from "#store/family";
import { referenceGrants } from "#translate/gateway/api";

/** Names of objects that may be referred to; the empty name is all of them. Bucket: see `grantKey`. */
const grantedNames = family<string>("granted-name");

/** A kind in a namespace. */
export interface KindInNamespace {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
}

function grantKey(from: KindInNamespace, to: KindInNamespace): string {
  return `${from.group}/${from.kind}/${from.namespace} ${to.group}/${to.kind}/${to.namespace}`;
}

/** Files each ReferenceGrant under what may refer to what. */
export const indexReferenceGrants: Rule = {
  name: "index-reference-grant",
  over: referenceGrants,
  derive(bucket, read, emit) {
    const grant = read.one(referenceGrants, bucket);
    const namespace = grant?.metadata.namespace ?? "";
    for (const from of grant?.spec.from ?? []) {
      for (const to of grant?.spec.to ?? []) emit(grantedNames, grantKey(from, { ...to, namespace }), to.name ?? "");
    }
  },
};

/** Whether objects of the kind and namespace `from` may refer to `name`: in their own namespace always, elsewhere by a grant. */
export function mayRefer(read: Reader, from: KindInNamespace, to: KindInNamespace, name: string): boolean {
  if (from.namespace === to.namespace) return true;
  return read.all(grantedNames, grantKey(from, to)).some((granted) => granted === "" || granted === name);
}
