import { connect, createServer, type Socket } from "node:net";

/**
 * The far end of a slow link, a process of its own in the link's network namespace: what comes to its port goes on to
 * the Unix socket of the same name, and back, each piece so many milliseconds later.
 *
 * node delay.ts FOLDER MILLISECONDS PORT…
 */
const [folder = "", milliseconds = "0", ...ports] = process.argv.slice(2);

/** How much may be under way in one direction, in bytes: more than the link carries in the time. */
const most = 16 * 2 ** 20;

/** Passes on what comes, later. Pieces keep their order. */
function later(from: Socket, to: Socket): void {
  let waiting = 0;
  from.on("data", (piece) => {
    waiting += piece.length;
    if (waiting > most) from.pause();
    setTimeout(() => {
      to.write(piece, () => {
        waiting -= piece.length;
        if (waiting <= most) from.resume();
      });
    }, Number(milliseconds));
  });
  from.on("end", () => setTimeout(() => to.end(), Number(milliseconds)));
  from.on("error", () => to.destroy());
}

let left = ports.length;
for (const port of ports) {
  createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ path: `${folder}/${port}`, allowHalfOpen: true });
    near.setNoDelay();
    later(near, far);
    later(far, near);
  }).listen(Number(port), "127.0.0.1", () => {
    if (--left === 0) console.log("listening");
  });
}
