/** The largest number that most of Envoy's settings hold. */
export const largestUint32 = 4_294_967_295;

/** What is wrong with a number that is to be from `least` to `most`. */
export function rangeProblem(value: number | undefined, least: number, most: number = largestUint32): string | undefined {
  if (value === undefined || (Number.isInteger(value) && value >= least && value <= most)) return undefined;
  return `${value} is not a number from ${least} to ${most}`;
}
