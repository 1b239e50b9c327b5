// Writes the page of the ui command to dist/page.js, a module that holds its files as text: the program is nothing but files of
// that kind. Run it with `npm run build`.
import { mkdir, writeFile } from "node:fs/promises";
import { assets } from "./page.ts";

await mkdir("dist", { recursive: true });
await writeFile("dist/page.js", `export const assets = ${JSON.stringify(assets)};\n`);
