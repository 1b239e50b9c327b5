import { html } from "htm/preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { becomeOf } from "./become.ts";
import type { PageStep } from "./protocol.ts";

/** Steps end in bursts; more is not listened to. */
const pauseMs = 2_000;

/** Reads aloud what has become of steps, for who does not see it. */
export function Announcer({ steps }: { readonly steps: readonly PageStep[] | undefined }) {
  const [told, setTold] = useState("");
  const now = useRef(steps);
  const before = useRef<readonly PageStep[]>(undefined);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  now.current = steps;
  useEffect(() => {
    before.current ??= steps;
    if (before.current === steps) return;
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      const words = becomeOf(before.current ?? [], now.current ?? []);
      before.current = now.current;
      if (words !== "") setTold(words);
    }, pauseMs);
  }, [steps]);
  useEffect(() => () => clearTimeout(timer.current), []);
  return html`<p class="unseen" role="status" aria-live="polite" data-announced>${told}</p>`;
}
