import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { expect, test } from "vitest";
import { enforcesPasswords } from "../../src/registry/enforced.ts";
import { temporaryFolder } from "../support/folders.ts";
import { freePort } from "../support/ports.ts";
import { start } from "../support/processes.ts";
import { startRegistry } from "../support/registry.ts";

const signal = new AbortController().signal;

test("a registry that asks for a password enforces it", async () => {
  const htpasswd = join(temporaryFolder("users"), "htpasswd");
  const { stdout } = await start(["htpasswd", "-nbBC", "4", "oras-1", "right"]).ended;
  writeFileSync(htpasswd, stdout);
  const registry = await startRegistry({ htpasswd });
  expect(await enforcesPasswords(`http://${registry.host}`, "oras-1", signal)).toBe(true);
  await registry.stop();
});

test("one that does not, does not", async () => {
  const registry = await startRegistry();
  expect(await enforcesPasswords(`http://${registry.host}`, "oras-1", signal)).toBe(false);
  await registry.stop();
});

// As the scheme "silly" of distribution, which the registry of these tests is built without.
test("one that takes any password does not", async () => {
  const server = createServer((request, response) => {
    response.writeHead(request.headers.authorization === undefined ? 401 : 200).end();
  });
  const port = await freePort();
  await once(server.listen(port, "127.0.0.1"), "listening");
  expect(await enforcesPasswords(`http://127.0.0.1:${port}`, "oras-1", signal)).toBe(false);
  server.close();
});

test("of one that is not there nothing is known", async () => {
  expect(await enforcesPasswords(`http://127.0.0.1:${await freePort()}`, "oras-1", signal)).toBeUndefined();
});
