// Writes docs/cni.md from test/cni/results.json.
import { readFileSync, writeFileSync } from "node:fs";
import type { WiringResult } from "../../test/cni/results.ts";
import { cniPage } from "./page.ts";

const root = new URL("../../", import.meta.url);
writeFileSync(new URL("docs/cni.md", root), cniPage(JSON.parse(readFileSync(new URL("test/cni/results.json", root), "utf8")) as readonly WiringResult[]));
