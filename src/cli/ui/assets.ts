import type { AssetName } from "./decide.ts";

/** Files of the page, whole. */
export type Assets = Readonly<Record<AssetName, string>>;

/**
 * The files of the page. The build has put them into one module beside the program; a program that runs from its sources
 * bundles them from theirs.
 */
export async function readAssets(): Promise<Assets> {
  const isSource = import.meta.url.endsWith(".ts");
  const { href } = new URL(isSource ? "../../../scripts/page.ts" : "./page.js", import.meta.url);
  const { assets } = (await import(href)) as { readonly assets: Assets };
  return assets;
}
