import { expect, test } from "vitest";
import { createBackoff } from "../../../src/common/backoff.ts";
import { createQueue } from "../../../src/kube/queue.ts";
import { until } from "../../support/wait.ts";

interface Turn {
  readonly key: string;
  readonly finish: (againInMs?: number) => void;
  readonly fail: () => void;
}

/** A queue whose turns the test ends one by one. */
function controlled(workers: number, parts = 1) {
  const turns: Turn[] = [];
  const errors: string[] = [];
  const queue = createQueue({
    workers,
    parts,
    process: (key) => {
      const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
      turns.push({ key, finish: resolve, fail: () => reject(new Error(`no ${key}`)) });
      return promise;
    },
    onError: (_key, error) => errors.push((error as Error).message),
    createBackoff: () => createBackoff(1, 2),
  });
  const turn = (n: number) => until(() => turns[n], `turn ${n}`);
  return { queue, turns, errors, turn };
}

test("a key that waits is not added twice; one that is worked on is looked at once more", async () => {
  const { queue, turns, turn } = controlled(1);
  queue.add("a");
  await turn(0);
  for (let i = 0; i < 3; i++) for (const key of ["a", "b"]) queue.add(key);
  for (let i = 0; i < 3; i++) (await turn(i)).finish();
  queue.add("c");
  (await turn(3)).finish();
  await queue.stop();
  // "a" was being worked on when it was asked for again, "b" still waited.
  expect(turns.map(({ key }) => key)).toEqual(["a", "a", "b", "c"]);
});

test("no key is with two workers at a time", async () => {
  const { queue, turns, turn } = controlled(4);
  queue.add("a");
  await turn(0);
  queue.add("a");
  queue.add("b");
  const b = await turn(1);
  expect(turns.map((one) => one.key)).toEqual(["a", "b"]);
  turns[0]?.finish();
  expect((await turn(2)).key).toBe("a");
  turns[2]?.finish();
  b.finish();
  await queue.stop();
});

test("an error is reported and the key retried, others meanwhile", async () => {
  const { queue, errors, turn } = controlled(1);
  queue.add("a");
  (await turn(0)).fail();
  (await turn(1)).fail();
  const third = await turn(2);
  expect(errors).toEqual(["no a", "no a"]);
  third.finish();
  await queue.stop();
});

test("a key is looked at again when it asks for it", async () => {
  const { queue, turn } = controlled(1);
  queue.add("a");
  (await turn(0)).finish(1);
  expect((await turn(1)).key).toBe("a");
  (await turn(1)).finish();
  await queue.stop();
});

test("stopping waits for what is being worked on, and begins nothing new", async () => {
  const { queue, turns, turn } = controlled(1);
  queue.add("a");
  queue.add("b");
  const a = await turn(0);
  let stopped = false;
  const stopping = queue.stop().then(() => {
    stopped = true;
  });
  queue.add("c");
  await Promise.resolve();
  expect(stopped).toBe(false);
  a.finish();
  await stopping;
  expect(turns).toHaveLength(1);
});

test("namespaces whose keys hang get their part of the workers, and no other waits for them", async () => {
  const { queue, turns, turn } = controlled(4, 4);
  for (const namespace of ["stuck", "hung"]) for (let i = 0; i < 100; i++) queue.add(`${namespace}/${i}`);
  const others = ["a/0", "a/1", "b/0", "b/1", "c/0", "c/1"];
  others.forEach(queue.add);
  for (let i = 2; i < 2 + others.length; i++) (await turn(i)).finish();
  const begun = turns.map(({ key }) => key);
  expect(begun.slice(0, 2)).toEqual(["stuck/0", "hung/0"]);
  expect(begun.slice(2).toSorted()).toEqual(others);
  const stopped = queue.stop();
  for (const each of turns.slice(0, 2)) each.finish();
  await stopped;
  expect(turns).toHaveLength(2 + others.length);
});
