import { expect, it } from "vitest";
import { bytesOfFiles } from "../../../src/controllers/memo-sources.ts";
import { createMemory } from "../../../src/registry/memory.ts";
import { digest } from "../../support/keys.ts";

const filesOf = (count: number) => ({
  files: Array.from({ length: count }, (_, at) => ({
    title: `file-${at}`,
    digest: digest("a"),
    marks: digest("b"),
  })),
});

it("what is remembered of inputs is counted by their files", () => {
  const one = bytesOfFiles(filesOf(1));
  expect(bytesOfFiles({ files: undefined })).toBeGreaterThan(0);
  expect(bytesOfFiles(filesOf(10_000))).toBeGreaterThan(5_000 * one);
});

it("many artifacts of many files are not all remembered, and those of one namespace push no other's out", () => {
  const known = createMemory(4 * 2 ** 20, 4, bytesOfFiles);
  known.set("other", filesOf(1), "other");
  for (let at = 0; at < 50; at++) known.set(`${at}`, filesOf(1_000), "work");
  const left = Array.from({ length: 50 }, (_, at) => known.get(`${at}`)).filter(Boolean);
  expect(left.length).toBeLessThan(5);
  expect(left.length).toBeGreaterThan(0);
  expect(known.get("other")).toBeDefined();
});
