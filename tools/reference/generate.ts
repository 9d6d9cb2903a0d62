// Writes docs/reference/httpproxy.md from the schemas in crds/. `npm run generate:reference`
import { writeFileSync } from "node:fs";
import { referencePage } from "./page.ts";

writeFileSync(new URL("../../docs/reference/httpproxy.md", import.meta.url), referencePage());
