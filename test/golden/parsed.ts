import type { KubeObject } from "#k8s/object";
import { parseObject } from "#k8s/parse";

/** An object as a file has it: checked, with defaults. Throws where it is wrong. */
export function parsed(object: object): KubeObject {
  const result = parseObject(object, { origin: "file" });
  if (!result.ok) throw new Error(JSON.stringify(result.error).slice(0, 500));
  return result.value;
}
