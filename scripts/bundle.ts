// Bundles the program into a folder, with the page of the ui command: node scripts/bundle.ts FOLDER. Whoever runs the manager
// alone needs no page: tsup does for that.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "tsup";
import { assets } from "./page.ts";

const [, , folder = "dist"] = process.argv;
await build({ outDir: folder, silent: true });
// A module that holds the files of the page as text: the program is nothing but files of that kind.
await writeFile(join(folder, "page.js"), `export const assets = ${JSON.stringify(assets)};\n`);
