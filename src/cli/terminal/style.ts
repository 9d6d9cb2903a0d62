import { styleText } from "node:util";

/** Text in a colour where the stream shows colours, plain text in a pipe or with NO_COLOR. */
export function paint(colour: Parameters<typeof styleText>[0], text: string, stream: NodeJS.WriteStream = process.stdout): string {
  return styleText(colour, text, { stream, validateStream: true });
}
