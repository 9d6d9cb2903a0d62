import type { ObjectMeta } from "#k8s/object";
import type { Settings } from "#settings/settings";
import type { Reader } from "#store/family";
import { objectKey, objects } from "#translate/facts";

/** `spec.controller` of the IngressClasses that are ours. */
export const ingressControllerName = "projectcontour.io/ingress-controller";

/** Annotations that name a class, the stronger one first; both win over `spec.ingressClassName`. */
const classAnnotations = ["projectcontour.io/ingress.class", "kubernetes.io/ingress.class"] as const;

/** The class that an Ingress or HTTPProxy names. */
export function namedClass(metadata: ObjectMeta, specClass: string | undefined): string | undefined {
  const annotated = classAnnotations.map((annotation) => metadata.annotations?.[annotation]).find((value) => value !== undefined && value !== "");
  return annotated ?? (specClass === "" ? undefined : specClass);
}

/**
 * Whether an object of a class is ours. As Go Contour: configured names match exactly; with none configured, no class or
 * `contour`. Beyond it, an IngressClass object whose controller is ours makes its name ours.
 */
export function isOurClass(read: Reader, settings: Settings, name: string | undefined): boolean {
  if (settings.ingressClassNames.length > 0) return name !== undefined && settings.ingressClassNames.includes(name);
  if (name === undefined || name === "contour") return true;
  return read.one(objects("IngressClass"), objectKey("", name))?.spec?.controller === ingressControllerName;
}
