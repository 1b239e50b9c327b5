/** Runs something when all that was given before for the same key has ended, however. */
export type InTurn = <T>(key: string, run: () => Promise<T>) => Promise<T>;

/** Makes what runs one after the other, for each key by itself. */
export function createInTurn(): InTurn {
  const turns = new Map<string, Promise<unknown>>();
  return (key, run) => {
    const turn = (turns.get(key) ?? Promise.resolve()).then(run);
    // Who waits for a turn does not care how the one before ended; its caller does.
    const ended = turn.catch(() => {});
    turns.set(key, ended);
    void ended.then(() => turns.get(key) === ended && turns.delete(key));
    return turn;
  };
}
