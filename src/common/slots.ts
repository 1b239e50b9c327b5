/** Runs work for somebody when there is room for it. */
export type Slots = <T>(owner: string, work: () => Promise<T>, signal?: AbortSignal) => Promise<T>;

/** How much there is room for. */
export interface Room {
  /** At once, of all owners. */
  readonly most: number;
  /** That waits, of all owners; what comes on top is refused at once. */
  readonly mostWaiting: number;
  /** Into how many parts both are divided: one owner gets one part, whatever the others do. */
  readonly parts: number;
}

interface Turns {
  running: number;
  readonly waiting: Set<() => void>;
}

/**
 * Limits how much work is done at once, in all and for each owner; other work waits, until its signal ends the wait.
 * Owners take turns.
 *
 * @param room - that there is
 * @param refuse - makes the error of work that gets no turn
 */
export function createSlots({ most, mostWaiting, parts }: Room, refuse: () => Error): Slots {
  const [mostOfOne, mostWaitingOfOne] = [most / parts, mostWaiting / parts];
  /** Those who have work, in the order in which they get a turn. */
  const owners = new Map<string, Turns>();
  let running = 0;
  let waiting = 0;

  const isFree = (turns: Turns) => running < most && turns.running < mostOfOne;
  const start = (owner: string, turns: Turns) => {
    owners.delete(owner);
    owners.set(owner, turns);
    turns.running++;
    running++;
  };
  const startNext = () => {
    for (const [owner, turns] of owners) {
      const [begin] = turns.waiting;
      if (begin === undefined || !isFree(turns)) continue;
      start(owner, turns);
      begin();
      return;
    }
  };

  const turn = (owner: string, turns: Turns, signal?: AbortSignal): Promise<void> => {
    if (isFree(turns)) {
      start(owner, turns);
      return Promise.resolve();
    }
    const isFull = waiting >= mostWaiting || turns.waiting.size >= mostWaitingOfOne;
    if (isFull || signal?.aborted) return Promise.reject(refuse());
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leave = () => {
      signal?.removeEventListener("abort", onAbort);
      turns.waiting.delete(begin);
      waiting--;
    };
    const begin = () => {
      leave();
      resolve();
    };
    const onAbort = () => {
      leave();
      if (turns.running === 0 && turns.waiting.size === 0) owners.delete(owner);
      reject(refuse());
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    turns.waiting.add(begin);
    owners.set(owner, turns);
    waiting++;
    return promise;
  };

  return async (owner, work, signal) => {
    const turns = owners.get(owner) ?? { running: 0, waiting: new Set() };
    await turn(owner, turns, signal);
    try {
      return await work();
    } finally {
      turns.running--;
      running--;
      if (turns.running === 0 && turns.waiting.size === 0) owners.delete(owner);
      startNext();
    }
  };
}
