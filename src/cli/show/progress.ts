import { shortSize } from "./sizes.ts";

/** Tells how far something is. */
export interface Progress {
  readonly add: (bytes: number) => void;
  /** Says something in between, on a line of its own. */
  readonly note: (text: string) => void;
  /** Takes the bar away. */
  readonly end: () => void;
}

const barWidth = 24;
/** A bar that is drawn more often flickers; lines in a log are read later. */
const drawEveryMs = 100;
const lineEveryMs = 10_000;

/**
 * Progress on standard error: a bar on a terminal, elsewhere a line now and then.
 *
 * @param what - is done
 * @param total - bytes
 * @param out - where to
 */
export function showProgress(
  what: string,
  total: number,
  out: { readonly isTTY?: boolean; readonly write: (text: string) => unknown } = process.stderr,
): Progress {
  const begun = performance.now();
  const onTerminal = out.isTTY === true;
  const clear = onTerminal ? "\r\x1b[2K" : "";
  let done = 0;
  let shownAt = begun;
  const draw = () =>
    out.write(
      `${clear}${lineOf(what, done, total, (performance.now() - begun) / 1000)}${onTerminal ? "" : "\n"}`,
    );
  return {
    add: (bytes) => {
      done = Math.min(done + bytes, total);
      const now = performance.now();
      if (now - shownAt < (onTerminal ? drawEveryMs : lineEveryMs)) return;
      shownAt = now;
      draw();
    },
    note: (text) => out.write(`${clear}${text}\n`),
    end: () => {
      if (onTerminal) out.write(clear);
    },
  };
}

/**
 * One line of progress.
 *
 * @param what - is done
 * @param done - bytes
 * @param total - bytes
 * @param seconds - since it began
 */
export function lineOf(what: string, done: number, total: number, seconds: number): string {
  const part = total === 0 ? 1 : done / total;
  const filled = Math.round(part * barWidth);
  const bar = "=".repeat(filled).padEnd(barWidth);
  const speed = seconds > 0 ? done / seconds : 0;
  const left = speed > 0 && done < total ? `, ${Math.ceil((total - done) / speed)}s left` : "";
  return `${what} [${bar}] ${Math.floor(part * 100)}%  ${shortSize(done)}/${shortSize(total)}  ${shortSize(speed)}/s${left}`;
}
