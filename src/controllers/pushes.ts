import { forgetOldest } from "../kube/forget.ts";

/** What steps have pushed, by the id of the review that injected them, as a registry says. */
export interface Pushes {
  readonly note: (request: string, artifact: string, digest: string) => void;
  readonly of: (request: string | undefined, artifact: string) => string | undefined;
}

const mostRemembered = 20_000;

/** Remembers them; what is lost with the process is known by the end of each step. */
export function createPushes(): Pushes {
  const known = new Map<string, string>();
  return {
    note: (request, artifact, digest) => {
      known.set(`${request} ${artifact}`, digest);
      forgetOldest(known, mostRemembered);
    },
    of: (request, artifact) => (request === undefined ? undefined : known.get(`${request} ${artifact}`)),
  };
}
