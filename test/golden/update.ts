// Writes down what each story becomes now: `npm run golden [part of a name]`. Read the difference before you commit it.
import { writeFileSync } from "node:fs";
import { fieldMessages, messagesFile } from "../fields/messages.ts";
import { readStories, tell, writeDown, written } from "./story.ts";

const part = process.argv[2] ?? "";
for (const story of readStories().filter(({ name }) => name.includes(part))) {
  const told = await tell(story);
  if (JSON.stringify(told) !== JSON.stringify(written(story))) console.log(`changed: ${story.name}\n${told["messages.txt"]}`);
  writeDown(story, told);
}
if (part === "") writeFileSync(messagesFile, fieldMessages());
