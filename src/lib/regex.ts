/** Writes text so that a regular expression (RE2, JavaScript) takes it literally. */
export function escapeRegex(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
