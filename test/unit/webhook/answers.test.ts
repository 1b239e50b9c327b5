import { expect, test } from "vitest";
import type { Looked } from "../../../src/registry/lookup.ts";
import { createAnswerer } from "../../../src/webhook/answers.ts";

const questions = {
  namespace: "n",
  cache: undefined,
  images: ["a", "b", "c", "d", "e", "f"],
  architecture: "amd64",
  pullSecrets: ["s"],
  serviceAccount: undefined,
};
const program = { entrypoint: [], cmd: ["x"], workingDir: "", user: "" };
const sources = { cache: () => undefined, limitRanges: () => [] };

test("without images, or a lookup, the answers are there at once", () => {
  expect(createAnswerer(sources)(questions, 1)).toEqual({ cache: undefined, limitRanges: [] });
  const lookup = () => Promise.reject(new Error("nobody is asked"));
  expect(createAnswerer({ ...sources, lookup })({ ...questions, images: [] }, 1)).not.toBeInstanceOf(Promise);
});

test("sec-05: 4 images of a review are asked for, and the others are unknown in words", async () => {
  const asked: unknown[][] = [];
  const answer = createAnswerer({
    ...sources,
    lookup: async (...args) => {
      asked.push(args);
      return { program };
    },
  });
  const { images } = await answer(questions, 1);
  expect(asked).toEqual(
    ["a", "b", "c", "d"].map((image) => [image, "amd64", { namespace: "n", names: ["s"] }]),
  );
  expect(images?.get("d")).toEqual({ program });
  expect(images?.get("e")).toEqual({ unknown: expect.stringContaining("4 images") });
});

test("sec-05: reviews of 8 MiB wait for registries at a time, and others are answered at once", async () => {
  const waiting: ((looked: Looked) => void)[] = [];
  const answer = createAnswerer({
    ...sources,
    lookup: () => new Promise((resolve) => waiting.push(resolve)),
  });
  const one = { ...questions, images: ["a"] };
  const mebibyte = 2 ** 20;
  const [first, second] = [answer(one, 3 * mebibyte), answer(one, 5 * mebibyte)];
  expect((await answer(one, 1)).images?.get("a")).toEqual({ unknown: expect.stringContaining("try again") });
  for (const resolve of waiting.splice(0)) resolve({ program });
  expect((await first).images?.get("a")).toEqual({ program });
  await second;
  const third = answer(one, 8 * mebibyte);
  for (const resolve of waiting) resolve({ program });
  expect((await third).images?.get("a")).toEqual({ program });
});
