/** A condition of Gateway API, and where in the status it is. */
export interface PlacedCondition {
  /** Where in the status the condition is, in words; empty for the object itself. */
  readonly place: string;
  readonly condition: { readonly type: string; readonly status: string; readonly reason: string; readonly message: string };
}

/** The conditions of Gateway API whose being false is a mistake of somebody's. */
const mistakes: ReadonlySet<string> = new Set(["Accepted", "ResolvedRefs", "Programmed"]);

/** The conditions of a status that say whether all is well, of the object and of its parts. */
export function placedConditions(status: Readonly<Record<string, unknown>> | undefined): readonly PlacedCondition[] {
  const { conditions = [], listeners = [], parents = [], ancestors = [] } = (status ?? {}) as GatewayStatus;
  const at = (place: string, all: readonly PlacedCondition["condition"][] = []): readonly PlacedCondition[] => all.filter(({ type }) => mistakes.has(type)).map((condition) => ({ place, condition }));
  return [
    ...at("", conditions),
    ...listeners.flatMap((listener) => at(`listener ${JSON.stringify(listener.name)}`, listener.conditions)),
    ...parents.flatMap((parent) => at(`parent ${referenceText(parent.parentRef)}`, parent.conditions)),
    ...ancestors.flatMap((ancestor) => at(`for ${referenceText(ancestor.ancestorRef)}`, ancestor.conditions)),
  ];
}

interface GatewayStatus {
  readonly conditions?: readonly PlacedCondition["condition"][];
  readonly listeners?: readonly { readonly name: string; readonly conditions?: readonly PlacedCondition["condition"][] }[];
  readonly parents?: readonly { readonly parentRef: Reference; readonly conditions?: readonly PlacedCondition["condition"][] }[];
  readonly ancestors?: readonly { readonly ancestorRef: Reference; readonly conditions?: readonly PlacedCondition["condition"][] }[];
}

interface Reference {
  readonly kind?: string;
  readonly namespace?: string;
  readonly name: string;
  readonly sectionName?: string;
}

function referenceText({ kind = "Gateway", namespace, name, sectionName }: Reference): string {
  return `${kind} ${namespace === undefined ? "" : `${namespace}/`}${name}${sectionName === undefined ? "" : ` (${sectionName})`}`;
}
