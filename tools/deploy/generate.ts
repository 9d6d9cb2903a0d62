import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { rbacFiles } from "./rbac.ts";
import { render, renders } from "./render.ts";

const deploy = join(import.meta.dirname, "../../deploy");
for (const [path, text] of Object.entries(rbacFiles())) writeFileSync(join(deploy, path), text);
for (const [file, folder] of Object.entries(renders)) writeFileSync(join(deploy, "render", file), render(folder));
