// Files of the page of the ui command, bundled from their sources. The build writes them beside the program.
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const folder = new URL("../src/page/", import.meta.url);
const { outputFiles } = await build({
  entryPoints: [fileURLToPath(new URL("page.ts", folder))],
  outdir: "dist",
  bundle: true,
  minify: true,
  write: false,
  format: "iife",
  platform: "browser",
  target: ["chrome120", "firefox121", "safari17"],
});
const bundled = outputFiles.map(({ path, text }) => [path.replace(/^.*\//, ""), text]);
const copied = ["index.html", "icon.svg"].map(async (name) => [
  name,
  await readFile(new URL(name, folder), "utf8"),
]);

/** Their contents by their names. */
export const assets: Readonly<Record<string, string>> = Object.fromEntries([
  ...bundled,
  ...(await Promise.all(copied)),
]);
