// Writes docs/reference: httpproxy.md from the schemas in crds/, compatibility.md from the code. `npm run generate:reference`
import { writeFileSync } from "node:fs";
import { compatibilityPage } from "../compatibility/page.ts";
import { referencePage } from "./page.ts";

const folder = new URL("../../docs/reference/", import.meta.url);
writeFileSync(new URL("httpproxy.md", folder), referencePage());
writeFileSync(new URL("compatibility.md", folder), await compatibilityPage());
