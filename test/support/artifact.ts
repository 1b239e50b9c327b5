import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { start, temporaryFolder, type toolsTree } from "./sidecar.ts";

/** Environment of the stock CLI, which does not run without a home directory. */
const stock = (tools: Awaited<ReturnType<typeof toolsTree>>) => ({
  ...tools.environment,
  HOME: "/nonexistent",
});

/**
 * Pushes archives with the stock CLI as layers that ask to be unpacked.
 *
 * @param tools - from {@link toolsTree}
 * @param ref - where to, a URL
 * @param archives - gzipped tars
 */
export async function pushArchives(
  tools: Awaited<ReturnType<typeof toolsTree>>,
  ref: string,
  archives: readonly Buffer[],
): Promise<void> {
  const folder = temporaryFolder("archives");
  const annotations = archives.map((_, i) => ({
    "io.deis.oras.content.unpack": "true",
    "org.opencontainers.image.title": `d${i}`,
  }));
  mkdirSync(join(folder, "layers"));
  for (const [i, archive] of archives.entries()) writeFileSync(join(folder, "layers", `${i}`), archive);
  const names = readdirSync(join(folder, "layers")).map((name) => `layers/${name}`);
  writeFileSync(
    join(folder, "annotations.json"),
    JSON.stringify(Object.fromEntries(names.map((name, i) => [name, annotations[i]]))),
  );
  const argv = ["oras", "push", "--plain-http", "--annotation-file", "annotations.json"];
  const { code, stderr } = await start([...argv, ref.replace("http://", ""), ...names], {
    cwd: folder,
    env: stock(tools),
  }).ended;
  expect(code, stderr).toBe(0);
}

/** Pulls with the stock CLI, which verifies what it unpacks, into a new folder. */
export async function stockPull(tools: Awaited<ReturnType<typeof toolsTree>>, ref: string): Promise<string> {
  const folder = temporaryFolder("pulled");
  const argv = ["oras", "pull", "--plain-http", ref.replace("http://", ""), "-o", folder];
  const { code, stderr } = await start(argv, { env: stock(tools) }).ended;
  expect(code, stderr).toBe(0);
  return folder;
}

/** The digest that a tag stands for. */
export async function digestOf(tools: Awaited<ReturnType<typeof toolsTree>>, ref: string): Promise<string> {
  const argv = ["oras", "resolve", "--plain-http", ref.replace("http://", "")];
  const { code, stdout, stderr } = await start(argv, { env: stock(tools) }).ended;
  expect(code, stderr).toBe(0);
  return stdout.trim();
}
