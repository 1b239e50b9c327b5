import { pino } from "pino";
import { expect, it } from "vitest";
import { type Controller, startControllers, watchOf } from "../../../src/kube/controller.ts";

const settings = {
  log: pino({ level: "silent" }),
  observeQueue: () => ({}) as never,
};
const cacheOf = (name: string) => ({ metadata: { name, namespace: "work" } });

function controllerOf(synced: Promise<void>, keys: () => readonly string[]): Controller {
  const reflector = {
    synced,
    store: new Map([["work/a", cacheOf("a")]]) as never,
    subscribe: () => () => undefined,
  };
  return { name: "test", watches: [watchOf(reflector, keys)], reconcile: async () => undefined };
}

// A rejection that nobody waits for ends the process; one that ran on would reconcile nothing, and look well.
it("fails where it cannot begin", async () => {
  const fails = controllerOf(Promise.resolve(), () => {
    throw new Error("no key");
  });
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const before = process.listeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection");
  process.once("unhandledRejection", resolve);
  try {
    startControllers([fails], settings);
    expect(await promise).toMatchObject({ message: "no key" });
  } finally {
    for (const listener of before) process.on("unhandledRejection", listener);
  }
});

it("does nothing where a watch is ended before it has begun", async () => {
  const ended = controllerOf(Promise.reject(new Error("aborted")), () => {
    throw new Error("not reached");
  });
  await startControllers([ended], settings)();
});
