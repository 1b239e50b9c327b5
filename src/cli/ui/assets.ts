import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { exits } from "../exits.ts";
import { CliError } from "../output.ts";
import type { AssetName } from "./decide.ts";

/** Files of the page, whole. */
export type Assets = Readonly<Record<AssetName, string>>;

/**
 * The files of the page, which the build has put into one module beside the program.
 *
 * @throws CliError where the program runs from its sources, and the page was not built
 */
export async function readAssets(): Promise<Assets> {
  const isSource = import.meta.url.endsWith(".ts");
  const file = new URL(isSource ? "../../../dist/page.js" : "./page.js", import.meta.url);
  if (!existsSync(fileURLToPath(file))) {
    throw new CliError(`${fileURLToPath(file)} is not there: run npm run build first.`, exits.failed);
  }
  const { assets } = (await import(file.href)) as { readonly assets: Assets };
  return assets;
}
