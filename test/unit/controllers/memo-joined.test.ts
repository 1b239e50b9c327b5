import fc from "fast-check";
import { expect, it } from "vitest";
import { createJoined } from "../../../src/controllers/memo-joined.ts";
import type { WorkflowStep } from "../../../src/controllers/workflow-steps.ts";

const stepOf = (uid: string) => ({ uid, key: `work/${uid}`, isPod: false }) as WorkflowStep;

/** Steps that do the same work: each, when it is looked at, joins the one that runs, or runs, or ends. */
function world(count: number) {
  const joined = createJoined();
  const queue: string[] = [];
  joined.onWake(false, (key) => queue.push(key.slice("work/".length)));
  const held = new Set(Array.from({ length: count }, (_, i) => `${i}`));
  let running: string | undefined;
  let looks = 0;
  const end = () => {
    running = undefined;
    joined.wake("g");
  };
  const look = (uid: string) => {
    if (!held.has(uid)) return;
    looks++;
    if (running !== undefined) return joined.join("g", stepOf(uid));
    running = uid;
    held.delete(uid);
    joined.reserve(uid);
  };
  const leave = (uid: string) => {
    held.delete(uid);
    joined.leave(uid);
  };
  const drain = (act: (uid: string) => void = look) => {
    for (let uid = queue.shift(); uid !== undefined; uid = queue.shift()) act(uid);
  };
  return { held, look, leave, end, drain, running: () => running, looks: () => looks, queue };
}

it("a thousand equal steps that fail one after the other are looked at a few times each", () => {
  const { held, look, end, drain, looks, running } = world(1_000);
  for (const uid of [...held]) look(uid);
  let runs = 1;
  while (held.size > 0) {
    end();
    drain();
    expect(running()).toBeDefined();
    runs++;
  }
  expect(runs).toBe(1_000);
  expect(looks()).toBeLessThan(10_000);
});

it("a thousand that take its result are all looked at when one has succeeded", () => {
  const { held, look, leave, end, drain } = world(1_000);
  for (const uid of [...held]) look(uid);
  end();
  drain(leave);
  expect(held.size).toBe(0);
});

it("one of those that are left always runs, whoever else is deleted, and whenever", () => {
  const deed = fc.oneof(fc.constant("end"), fc.constant("look"), fc.nat({ max: 29 }).map(String));
  fc.assert(
    fc.property(fc.array(deed, { maxLength: 100 }), (deeds) => {
      const steps = world(30);
      for (const uid of [...steps.held]) steps.look(uid);
      for (const one of deeds) act(steps, one);
      steps.drain();
      expect(steps.held.size === 0 || steps.running() !== undefined).toBe(true);
    }),
    { numRuns: 500 },
  );
});

function act({ look, leave, end, queue, running }: ReturnType<typeof world>, deed: string): void {
  if (deed === "end") end();
  else if (deed === "look") look(queue.shift() ?? "");
  else if (deed !== running()) leave(deed);
}
