import type { IncomingMessage } from "node:http";

/** A request's body; or why there is none, and how it begins. */
export type Body = Buffer | { readonly refused: "too long" | "no room"; readonly head: Buffer };

/** How much is kept of bodies. */
export interface BodyLimits {
  /** Bytes of one. */
  readonly longest: number;
  /** Bytes of all that have not come whole yet. */
  readonly together: number;
}

/** Reads a request's body; the function is called once, unless the request is broken off. */
export type BodyReader = (request: IncomingMessage, done: (body: Body) => void) => void;

/** Bytes of a body that are kept when it is refused. */
const headBytes = 1024;
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
    let head: Buffer | undefined;
    /** A copy: a piece of the body would keep all of its memory. */
    const beginning = () => Buffer.from(Buffer.concat(pieces.slice(0, 2)).subarray(0, headBytes));
    const letGo = () => {
      held -= kept;
      kept = 0;
      pieces = [];
      coming.delete(giveUp);
    };
    const giveUp = () => {
      request.off("data", onData).off("end", onEnd);
      const refused = { refused: "no room", head: beginning() } as const;
      letGo();
      done(refused);
    };
    const onData = (piece: Buffer) => {
      length += piece.length;
      if (length > longest) {
        // Read on, but keep nothing: who is cut off while sending does not read why.
        head ??= beginning();
        letGo();
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
      if (head !== undefined) return done({ refused: "too long", head });
      const [first = Buffer.alloc(0)] = pieces;
      const whole = pieces.length === 1 ? first : Buffer.concat(pieces);
      letGo();
      done(whole);
    };
    coming.add(giveUp);
    request.on("data", onData).on("end", onEnd).on("close", letGo).on("error", letGo);
  };
}
