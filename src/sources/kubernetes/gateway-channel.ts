import { statusOf } from "#sources/kubernetes/api-error";
import type { ApiClient } from "#sources/kubernetes/client";

interface ApiGroup {
  readonly versions?: readonly { readonly version: string }[];
}

/** Whether the CRDs of Gateway API are those of its standard channel: only the experimental ones serve alpha versions (v1.6: TCPRoute v1alpha2 and others). */
export async function hasStandardGatewayApi(client: ApiClient): Promise<boolean> {
  const group = await client.call<ApiGroup>({ path: "/apis/gateway.networking.k8s.io" }).catch((error: unknown) => (statusOf(error) === 404 ? undefined : Promise.reject(error)));
  return group !== undefined && !(group.versions ?? []).some(({ version }) => version.includes("alpha"));
}
