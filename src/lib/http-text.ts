const headerName = /^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/;

/** Whether a text is the name of a header (RFC 9110, section 5.1). Envoy refuses the whole host for any other. */
export function isHeaderName(text: string): boolean {
  return headerName.test(text);
}

/** Whether a text can be the value of a header, or a part of a path: control characters, but for the tab, cannot (RFC 9110, section 5.5). */
export function isHeaderText(text: string): boolean {
  return [...text].every((character) => character === "\t" || (character >= " " && character !== "\u007f"));
}

/** What to say about a text that is no header text. */
export function headerTextProblem(text: string): string {
  return `${JSON.stringify(text)} has a control character in it, such as a line break; remove that`;
}
