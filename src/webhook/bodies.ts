import type { IncomingMessage } from "node:http";

/** A request's body, or why there is none. */
export type Body = Buffer | "too long" | "no room";

/** How much is kept of bodies. */
export interface BodyLimits {
  /** Bytes of one. */
  readonly longest: number;
  /** Bytes of all that have not come whole yet. */
  readonly together: number;
}

/** Reads a request's body; the function is called once, unless the request is broken off. */
export type BodyReader = (request: IncomingMessage, done: (body: Body) => void) => void;

/** What a piece of a body takes beside its bytes, however small it is. */
const perPiece = 512;

/**
 * A reader of bodies that keeps no more of them than is allowed, counted as it comes and not as it is announced. Where
 * all together are too many, the one that has been coming for the longest is given up: the API server's come at once.
 *
 * @param limits - see there
 */
export function createBodyReader({ longest, together }: BodyLimits): BodyReader {
  let held = 0;
  /** Those that are coming, in the order in which they began. */
  const coming = new Set<() => void>();

  return (request, done) => {
    let pieces: Buffer[] = [];
    let length = 0;
    let kept = 0;
    let isTooLong = false;
    const letGo = () => {
      held -= kept;
      kept = 0;
      pieces = [];
      coming.delete(giveUp);
    };
    const giveUp = () => {
      request.off("data", onData).off("end", onEnd);
      letGo();
      done("no room");
    };
    const onData = (piece: Buffer) => {
      length += piece.length;
      if (length > longest) {
        // Read on, and kept is nothing: who is cut off while he sends does not read why.
        if (!isTooLong) letGo();
        isTooLong = true;
        return;
      }
      pieces.push(piece);
      kept += piece.length + perPiece;
      held += piece.length + perPiece;
      for (const giveUpOldest of coming) {
        if (held <= together) break;
        giveUpOldest();
      }
    };
    const onEnd = () => {
      const whole = pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
      letGo();
      done(isTooLong || whole === undefined ? "too long" : whole);
    };
    coming.add(giveUp);
    request.on("data", onData).on("end", onEnd).on("close", letGo).on("error", letGo);
  };
}
