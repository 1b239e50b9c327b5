import type { WorkflowStep } from "./workflow-steps.ts";

/** Steps that wait for the result of another one, by what they wait for. */
export interface Joined {
  readonly join: (group: string, step: WorkflowStep) => void;
  /** A step is about to run: the others go on waiting, for it. */
  readonly reserve: (uid: string) => void;
  /** A step is not held any more, or is gone. If it was looked at first, it is the turn of others. */
  readonly leave: (uid: string) => void;
  /** What a group waits for got on: some of it are looked at. */
  readonly wake: (group: string) => void;
  /** Tells the keys of Jobs, or of Pods, that are to be looked at. */
  readonly onWake: (isPod: boolean, tell: (key: string) => void) => void;
}

/**
 * How many are looked at first. One of them runs, and the rest goes on waiting: if all were looked at whenever one fails, a
 * thousand that fail would be looked at half a million times. Each that ends wakes as many, so those that take a result are fast.
 */
const wokenAtOnce = 8;

/** Remembers who waits for whom. */
export function createJoined(): Joined {
  const waiting = new Map<string, Map<string, WorkflowStep>>();
  /** Of those that wait, and of those that were looked at since and have not said more. */
  const groups = new Map<string, string>();
  const tells = new Map<boolean, (key: string) => void>();

  const take = (group: string, uid: string): boolean => {
    const members = waiting.get(group);
    const waited = members?.delete(uid) ?? false;
    if (members?.size === 0) waiting.delete(group);
    return waited;
  };
  const remove = (uid: string): { readonly group?: string; readonly waited: boolean } => {
    const group = groups.get(uid);
    if (group === undefined) return { waited: false };
    groups.delete(uid);
    return { group, waited: take(group, uid) };
  };
  const wake = (group: string) => {
    const some = [...(waiting.get(group)?.values() ?? [])].slice(0, wokenAtOnce);
    for (const { uid, isPod, key } of some) {
      take(group, uid);
      tells.get(isPod)?.(key);
    }
  };
  return {
    join: (group, step) => {
      if (groups.get(step.uid) !== group) remove(step.uid);
      groups.set(step.uid, group);
      waiting.set(group, (waiting.get(group) ?? new Map()).set(step.uid, step));
    },
    reserve: (uid) => void remove(uid),
    leave: (uid) => {
      const { group, waited } = remove(uid);
      if (group !== undefined && !waited) wake(group);
    },
    wake,
    onWake: (isPod, tell) => tells.set(isPod, tell),
  };
}
