import { createHash } from "node:crypto";

const maximumLength = 60;

/**
 * Joins parts to a name of fewer than 60 characters, as Go Contour does, so that names that users see stay the same:
 * parts that are too long are shortened from the last to the first and end in a hash of the whole.
 */
export function hashName(...parts: readonly string[]): string {
  const whole = parts.join("/");
  if (whole.length < maximumLength) return whole;
  const digest = createHash("sha256").update(whole).digest("hex");
  const room = Math.trunc(maximumLength / parts.length);
  const shortened = [...parts];
  for (let i = parts.length - 1; i >= 0; i--) {
    shortened[i] = shorten(parts[i] ?? "", room, digest.slice(0, 6));
    if (shortened.join("/").length < maximumLength) return shortened.join("/");
  }
  return digest.slice(0, maximumLength);
}

function shorten(part: string, room: number, suffix: string): string {
  if (part.length <= room) return part;
  return room <= suffix.length + 1 ? suffix.slice(0, room) : `${part.slice(0, room - suffix.length - 1)}-${suffix}`;
}
