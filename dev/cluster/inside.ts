// What runs in the cluster's network: node inside.ts SOCKET HOST PORT. It answers at the socket what answers at that address,
// until its standard input ends.
import { connect, createServer } from "node:net";
import { pass } from "./relay.ts";

const [, , socket = "", host = "", port = ""] = process.argv;
createServer({ allowHalfOpen: true }, (from) =>
  pass(from, connect({ host, port: Number(port), allowHalfOpen: true })),
).listen(socket, () => console.log("ready"));
process.stdin.on("end", () => process.exit()).resume();
