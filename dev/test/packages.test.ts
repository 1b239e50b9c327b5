import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { repository } from "../cluster/paths.ts";

interface Locked {
  readonly resolved?: string;
  readonly link?: boolean;
  readonly optionalDependencies?: Record<string, string>;
}

const lock = JSON.parse(await readFile(join(repository, "package-lock.json"), "utf8")) as {
  packages: Record<string, Locked>;
};

it("package-lock.json names no host: packages come from the registry that npm is configured for", () => {
  const resolved = Object.values(lock.packages).filter(({ resolved, link }) => resolved && !link);
  expect(resolved).toEqual([]);
});

it("package-lock.json holds the optional packages of all platforms, without which npm ci refuses it", () => {
  const missing = Object.values(lock.packages).flatMap(({ optionalDependencies = {} }) =>
    Object.keys(optionalDependencies).filter((name) => !lock.packages[`node_modules/${name}`]),
  );
  expect(missing).toEqual([]);
});
