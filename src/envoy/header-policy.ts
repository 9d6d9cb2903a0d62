import { HeaderValueOption, HeaderValueOption_HeaderAppendAction as Append } from "#gen/envoy/envoy/config/core/v3/base";
import type { HeaderPolicy } from "#model/route";

/** A header that replaces one of the same name, or is added to those. */
export function headerOption(name: string, value: string, how: "replace" | "append"): HeaderValueOption {
  const appendAction = how === "replace" ? Append.OVERWRITE_IF_EXISTS_OR_ADD : Append.APPEND_IF_EXISTS_OR_ADD;
  return HeaderValueOption.fromPartial({ header: { key: name, value }, appendAction });
}

/** Changes to headers in the two lists that routes and weighted clusters have for requests and for responses. */
export interface HeaderChanges {
  readonly requestHeadersToAdd: HeaderValueOption[];
  readonly requestHeadersToRemove: string[];
  readonly responseHeadersToAdd: HeaderValueOption[];
  readonly responseHeadersToRemove: string[];
}

/** Changes to the headers of requests and responses. */
export function headerChanges({ requestHeaders, responseHeaders }: { readonly requestHeaders?: HeaderPolicy | undefined; readonly responseHeaders?: HeaderPolicy | undefined }): HeaderChanges {
  return {
    requestHeadersToAdd: additions(requestHeaders),
    requestHeadersToRemove: [...(requestHeaders?.remove ?? [])],
    responseHeadersToAdd: additions(responseHeaders),
    responseHeadersToRemove: [...(responseHeaders?.remove ?? [])],
  };
}

function additions(policy: HeaderPolicy | undefined): HeaderValueOption[] {
  if (policy === undefined) return [];
  return [...policy.set.map(({ name, value }) => headerOption(name, value, "replace")), ...policy.add.map(({ name, value }) => headerOption(name, value, "append"))];
}
