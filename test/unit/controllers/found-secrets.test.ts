import { describe, expect, it } from "vitest";
import type { Child } from "../../../src/cache/children.ts";
import { createChildren } from "../../../src/controllers/children.ts";
import type { KubeClient } from "../../../src/kube/client.ts";
import { KubeError } from "../../../src/kube/errors.ts";

const secret = (name: string): Child => ({ kind: "Secret", metadata: { name, namespace: "work" } });
const there = new KubeError("POST secrets", 409, { reason: "AlreadyExists" });
const full = new KubeError("POST secrets", 403, {
  reason: "Forbidden",
  message:
    'secrets "login" is forbidden: exceeded quota: few, requested: count/secrets=1, used: count/secrets=3',
});

/** The children of a cache that was created at 0, and what the API server answers to a Secret. */
function world() {
  const state = { now: 100, answer: undefined as KubeError | undefined, asked: 0 };
  const client = {
    now: () => state.now,
    request: () => {
      state.asked++;
      return state.answer ? Promise.reject(state.answer) : Promise.resolve({});
    },
  } as unknown as KubeClient;
  const owner = { name: "oras", namespace: "work", uid: "u", generation: 1 };
  const children = createChildren(client, {}, owner, 0);
  return { state, children, ensure: (child: Child) => children.ensure(child, false) };
}

describe("a Secret that a new cache has found", () => {
  it("is looked at again until the garbage collector has taken it, and then is the cache's", async () => {
    const { state, children, ensure } = world();
    state.answer = there;
    expect(await ensure(secret("login"))).toEqual([]);
    expect([children.hasMade(secret("login")), children.mayBeGone(secret("login"))]).toEqual([true, false]);
    expect(children.lookInMs()).toBe(1_000);
    state.now += 1_000;
    expect([children.mayBeGone(secret("login")), children.lookInMs()]).toEqual([true, 0]);
    state.answer = undefined;
    expect(await ensure(secret("login"))).toEqual([{ kind: "created", child: "Secret login" }]);
    expect([children.mayBeGone(secret("login")), children.lookInMs()]).toEqual([false, undefined]);
  });

  it("is looked at no more once it is not desired, as after a rotation of the login", async () => {
    const { state, children, ensure } = world();
    state.answer = there;
    await ensure(secret("login"));
    state.now += 10_000;
    children.retain([secret("login-2")]);
    expect(children.lookInMs()).toBeUndefined();
  });

  it("is there as far as is known where a quota is full, which refuses what is there, too", async () => {
    const { state, children, ensure } = world();
    state.answer = there;
    await ensure(secret("login"));
    state.now += 1_000;
    state.answer = full;
    expect(await ensure(secret("login"))).toEqual([]);
    expect(children.lookInMs()).toBe(state.now);
    state.now += 400_000;
    await ensure(secret("login"));
    expect([children.lookInMs(), state.asked]).toEqual([undefined, 3]);
  });
});

it("a Secret that no quota lets be made is refused", async () => {
  const { state, ensure } = world();
  state.answer = full;
  await expect(ensure(secret("login"))).rejects.toMatchObject({ cause: full });
});
