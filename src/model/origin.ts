/**
 * Where a model node comes from: the object and the field a user wrote. Status, explain, lint and the mapping of an
 * Envoy rejection back to its object all read this one value. The file and line of a field are looked up when they are
 * shown, so that moving a line in a file changes no model node.
 */
export interface Origin {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** The field as users write it, `spec.routes[2]`; absent for the object as a whole. */
  readonly field?: string;
}
