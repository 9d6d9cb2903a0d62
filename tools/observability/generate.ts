// Writes the dashboards, and the alerts for the Prometheus operator, into deploy/observability. `npm run generate:observability`
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { folder, generatedFiles } from "./files.ts";

for (const [name, text] of generatedFiles()) writeFileSync(join(folder, name), text);
