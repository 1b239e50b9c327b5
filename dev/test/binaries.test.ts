import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { controlPlaneProgram } from "../cluster/binaries.ts";

let assets: string;
beforeEach(async () => {
  assets = await mkdtemp(join(tmpdir(), "assets-"));
  vi.stubEnv("KUBEBUILDER_ASSETS", assets);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(assets, { recursive: true });
});

it.each(["etcd", "kube-apiserver", "kubectl"] as const)(
  "KUBEBUILDER_ASSETS provides %s, or the message says what is missing",
  async (name) => {
    await expect(controlPlaneProgram(name)).rejects.toThrow(`${join(assets, name)} is not there`);
    await writeFile(join(assets, name), "");
    expect(await controlPlaneProgram(name)).toBe(join(assets, name));
  },
);
