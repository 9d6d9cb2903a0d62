import { mkdirSync, mkdtempSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { KubeClient } from "./kube-client.ts";

interface Secret {
  readonly metadata: { readonly resourceVersion: string };
  readonly data: Readonly<Record<string, string>>;
}

/** Keeps a folder as kubelet keeps the volume of a Secret: links into a folder that is swapped as a whole. Resolves when it is there; follows until the signal. */
export async function mountSecret(api: KubeClient, path: string, folder: string, signal: AbortSignal): Promise<void> {
  mkdirSync(folder, { recursive: true });
  let shown = "";
  const show = ({ metadata, data }: Secret): void => {
    if (metadata.resourceVersion === shown) return;
    const version = mkdtempSync(join(folder, "..version-"));
    for (const [key, value] of Object.entries(data)) writeFileSync(join(version, key), Buffer.from(value, "base64"));
    symlinkSync(basename(version), join(folder, "..data_tmp"));
    renameSync(join(folder, "..data_tmp"), join(folder, "..data"));
    if (shown === "") for (const key of Object.keys(data)) symlinkSync(join("..data", key), join(folder, key));
    shown = metadata.resourceVersion;
  };
  show(await api.get<Secret>(path));
  const [collection = "", name = ""] = [path.slice(0, path.lastIndexOf("/")), basename(path)];
  const follow = async (): Promise<void> => {
    // A watch without a version begins with what there is.
    while (!signal.aborted) await api.watch(`${collection}?watch=true&fieldSelector=metadata.name=${name}`, ({ object }) => show(object as unknown as Secret), signal);
  };
  void follow().catch(() => undefined);
}
