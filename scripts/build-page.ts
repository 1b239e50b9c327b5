// Bundles the page of the ui command into dist/page.js, a module that holds its files as text: the program is nothing but
// files of that kind. Run it with `npm run build`.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { build } from "esbuild";

const { outputFiles } = await build({
  entryPoints: ["src/page/page.ts"],
  outdir: "dist",
  bundle: true,
  minify: true,
  write: false,
  format: "iife",
  platform: "browser",
  target: ["chrome120", "firefox121", "safari17"],
});
const bundled = Object.fromEntries(outputFiles.map(({ path, text }) => [path.replace(/^.*\//, ""), text]));
const copied = ["index.html", "icon.svg"].map(async (name) => [
  name,
  await readFile(`src/page/${name}`, "utf8"),
]);
const assets = { ...bundled, ...Object.fromEntries(await Promise.all(copied)) };
await mkdir("dist", { recursive: true });
await writeFile("dist/page.js", `export const assets = ${JSON.stringify(assets)};\n`);
