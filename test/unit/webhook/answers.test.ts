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
const program = { entrypoint: [], cmd: ["x"], workingDir: "", user: "", digests: [] };
const sources = { cache: () => undefined, limitRanges: () => [] };

test("without images, or a lookup, the answers are there at once", () => {
  expect(createAnswerer(sources)(questions, 1)).toEqual({ cache: undefined, limitRanges: [] });
  const lookup = () => Promise.reject(new Error("nobody is asked"));
  expect(createAnswerer({ ...sources, lookup })({ ...questions, images: [] }, 1)).not.toBeInstanceOf(Promise);
});

test("whether Pods may have no init container is as it is now, where the installation asks", () => {
  let isPossible = false;
  const answer = createAnswerer({ ...sources, hookShape: () => isPossible });
  expect(answer(questions, 1)).toMatchObject({ hookShape: false });
  isPossible = true;
  expect(answer(questions, 1)).toMatchObject({ hookShape: true });
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

/** An answerer whose lookups wait until they are told. */
function held() {
  const waiting: ((looked: Looked) => void)[] = [];
  const answer = createAnswerer({
    ...sources,
    lookup: () => new Promise((resolve) => waiting.push(resolve)),
  });
  const ask = async (namespace: string, bytes: number) =>
    (await answer({ ...questions, namespace, images: ["a"] }, bytes)).images?.get("a");
  const release = () => {
    for (const resolve of waiting.splice(0)) resolve({ program });
  };
  return { ask, release };
}

const mebibyte = 2 ** 20;
const busy = { unknown: expect.stringContaining("try again") };

test("sec-05: reviews of 8 MiB wait for registries at a time, and others are answered at once", async () => {
  const { ask, release } = held();
  const first = ["a", "b", "c", "d"].map((namespace) => ask(namespace, 2 * mebibyte));
  expect(await ask("e", 1)).toEqual(busy);
  release();
  expect(await Promise.all(first)).toEqual(Array(4).fill({ program }));
  const next = ask("e", 2 * mebibyte);
  release();
  expect(await next).toEqual({ program });
});

test("one namespace waits with 2 MiB of reviews, and the others are not answered for that", async () => {
  const { ask, release } = held();
  const greedy = [ask("greedy", mebibyte), ask("greedy", mebibyte)];
  for (let i = 0; i < 100; i++) expect(await ask("greedy", 1)).toEqual(busy);
  const others = ["a", "b", "c"].map((namespace) => ask(namespace, 2 * mebibyte));
  release();
  expect(await Promise.all([...greedy, ...others])).toEqual(Array(5).fill({ program }));
  const again = ask("greedy", 2 * mebibyte);
  release();
  expect(await again).toEqual({ program });
});

test("a review of more than that waits for no registry", async () => {
  expect(await held().ask("a", 2 * mebibyte + 1)).toEqual({ unknown: expect.stringContaining("2 MiB") });
});
