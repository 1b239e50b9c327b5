import { forgetOldest } from "../kube/forget.ts";

/** What steps have pushed, by the id of the review that injected them, as a registry says. */
export interface Pushes {
  readonly note: (push: NotedPush) => void;
  /** @param createdAt - of the step, in milliseconds since 1970 */
  readonly of: (request: string | undefined, artifact: string, createdAt: number) => StepPush | undefined;
}

/** What a step has pushed, and whether its tag was seen to have it. */
export interface StepPush {
  readonly digest: string;
  readonly isWritten: boolean;
}

/** That a step has pushed. */
interface NotedPush extends StepPush {
  readonly request: string;
  /** Its id. */
  readonly artifact: string;
  /** By the clock of the API server, in milliseconds since 1970. */
  readonly at: number;
}

const mostRemembered = 20_000;
/** Times of creation are whole seconds. */
const secondMs = 1_000;

/** Remembers them; what is lost with the process is known by the end of each step. */
export function createPushes(): Pushes {
  const known = new Map<string, StepPush & Pick<NotedPush, "at">>();
  return {
    note: ({ request, artifact, digest, isWritten, at }) => {
      known.set(`${request} ${artifact}`, { digest, isWritten, at });
      forgetOldest(known, mostRemembered);
    },
    of: (request, artifact, createdAt) => {
      const found = request === undefined ? undefined : known.get(`${request} ${artifact}`);
      // Whoever exports a step, deletes it and creates it again gives it the id of the first one, which has pushed before.
      return found && found.at >= createdAt + secondMs ? found : undefined;
    },
  };
}
