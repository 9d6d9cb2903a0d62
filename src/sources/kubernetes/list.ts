import type { KindSpec } from "#k8s/kinds";
import type { KubeObject } from "#k8s/object";
import { statusOf } from "#sources/kubernetes/api-error";
import type { ApiClient } from "#sources/kubernetes/client";
import { servedOlder } from "#sources/kubernetes/cluster";

/** How many objects one answer holds. */
const pageSize = 500;

interface ListBody<T> {
  readonly metadata: { readonly continue?: string };
  readonly items: readonly T[] | null;
}

/** Lists everything at a path, page by page; `accept` may ask for metadata alone. */
export async function listAll<T>(client: ApiClient, path: string, { accept, query = "" }: { readonly accept?: string; readonly query?: string } = {}): Promise<readonly T[]> {
  const found: T[] = [];
  let next = "";
  do {
    const list: ListBody<T> = await client.call<ListBody<T>>({ path: `${path}?limit=${pageSize}${query === "" ? "" : `&${query}`}${next === "" ? "" : `&continue=${encodeURIComponent(next)}`}`, ...(accept === undefined ? {} : { accept }) });
    found.push(...(list.items ?? []));
    next = list.metadata.continue ?? "";
  } while (next !== "");
  return found;
}

/** Asks for metadata instead of whole objects. */
export const metadataOnly = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/** Lists the objects of a kind once; none where its CRD is absent. */
export async function listKind(client: ApiClient, kind: KindSpec, namespace?: string): Promise<readonly KubeObject[]> {
  const { group, version, plural } = kind;
  const root = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
  const place = namespace === undefined ? "" : `/namespaces/${namespace}`;
  try {
    const items = await listAll<KubeObject>(client, `${root}${place}/${plural}`);
    return items.map((item) => ({ ...item, apiVersion: group === "" ? version : `${group}/${version}`, kind: kind.kind }));
  } catch (error) {
    if (statusOf(error) !== 404) throw error;
    const older = await servedOlder(client, kind);
    return older === undefined ? [] : listKind(client, { ...kind, version: older, older: [] }, namespace);
  }
}
