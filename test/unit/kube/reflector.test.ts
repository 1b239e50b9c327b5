import type { ServerResponse } from "node:http";
import { afterEach, expect, test } from "vitest";
import { createBackoff } from "../../../src/common/backoff.ts";
import type { KubeObject } from "../../../src/kube/objects.ts";
import { startReflector } from "../../../src/kube/reflector.ts";
import { resources } from "../../../src/kube/resources.ts";
import { type ScriptedServer, startScriptedServer } from "../../support/api-server.ts";
import { until } from "../../support/wait.ts";

let server: ScriptedServer | undefined;
let stop = new AbortController();

afterEach(() => {
  stop.abort(new Error("the test is over"));
  server?.close();
  stop = new AbortController();
});

const object = (name: string, resourceVersion: string): KubeObject => ({
  metadata: { name, resourceVersion },
});
const list = (resourceVersion: string, items: KubeObject[], more?: string) =>
  JSON.stringify({ metadata: { resourceVersion, continue: more }, items });
const event = (type: string, body: object) => `${JSON.stringify({ type, object: body })}\n`;

/** Mirrors a server that answers lists and watches as told; the n-th of each, from 0. */
async function mirror(
  onList: (n: number, url: URL, response: ServerResponse) => void,
  onWatch: (n: number, url: URL, response: ServerResponse) => void,
) {
  let [lists, watches] = [0, 0];
  server = await startScriptedServer((url, response) => {
    if (url.searchParams.has("watch")) onWatch(watches++, url, response);
    else onList(lists++, url, response);
  });
  const troubles: string[] = [];
  const waits: number[] = [];
  const changes: string[] = [];
  const reflector = startReflector({
    client: server.client,
    resource: resources.services,
    onChange: (key, now) => changes.push(`${now ? "+" : "-"}${key}`),
    onTrouble: (error, retryInMs) => {
      troubles.push((error as Error).message);
      waits.push(retryInMs);
    },
    signal: stop.signal,
    backoff: createBackoff(1, 5),
  });
  return {
    reflector,
    troubles,
    waits,
    changes,
    counts: () => ({ lists, watches }),
    requests: server.requests,
  };
}

test("a version that is too old, as an event or as an answer, leads to a list at once", async () => {
  const gone = { kind: "Status", code: 410, reason: "Expired", message: "too old resource version" };
  const seen = await mirror(
    (n, _url, response) => response.end(list(String(n + 1), [object(`from-list-${n}`, "1")])),
    (n, _url, response) => {
      if (n === 0) response.end(event("ERROR", gone));
      else if (n === 1) response.writeHead(410).end(JSON.stringify(gone));
      else response.write(event("ADDED", object("live", "9")));
    },
  );
  await until(() => seen.reflector.store.get("live"), "the third watch");
  expect(seen.counts()).toEqual({ lists: 3, watches: 3 });
  expect(seen.waits).toEqual([0, 0]);
  expect(seen.changes).toEqual([
    "+from-list-0",
    "-from-list-0",
    "+from-list-1",
    "-from-list-1",
    "+from-list-2",
    "+live",
  ]);
});

test("a list comes in pages, and a watch goes on from the version of the last bookmark", async () => {
  const seen = await mirror(
    (n, url, response) => {
      expect(url.pathname).toBe("/prefix/api/v1/services");
      if (n === 0) response.end(list("5", [object("a", "1")], "next page"));
      else {
        expect(url.searchParams.get("continue")).toBe("next page");
        response.end(list("5", [object("b", "2")]));
      }
    },
    (n, url, response) => {
      expect(url.searchParams.get("allowWatchBookmarks")).toBe("true");
      if (n === 0) {
        expect(url.searchParams.get("resourceVersion")).toBe("5");
        response.end(event("BOOKMARK", { metadata: { resourceVersion: "77" } }));
      } else response.write(event("ADDED", object(`from-${url.searchParams.get("resourceVersion")}`, "78")));
    },
  );
  await until(() => seen.reflector.store.get("from-77"), "the second watch");
  expect([...seen.reflector.store.values()].map((one) => one.kind).slice(0, 2)).toEqual([
    "Service",
    "Service",
  ]);
  expect(seen.troubles).toEqual([]);
});

test("events may come in pieces, several at once, and with characters cut in two", async () => {
  const bytes = Buffer.from(event("ADDED", object("é", "2")) + event("ADDED", object("b", "3")));
  const cut = bytes.indexOf(0xa9); // the second byte of é
  const seen = await mirror(
    (_n, _url, response) => response.end(list("1", [])),
    (_n, _url, response) => {
      response.write(bytes.subarray(0, cut), () => setImmediate(() => response.write(bytes.subarray(cut))));
    },
  );
  await until(() => seen.reflector.store.get("b"), "the second event");
  expect(seen.changes).toEqual(["+é", "+b"]);
});

test("a watch that is ended at once is not asked for in a hurry", async () => {
  let over = false;
  const seen = await mirror(
    (_n, _url, response) => response.end(list("1", [])),
    (n, _url, response) => {
      over = n > 20;
      response.end();
    },
  );
  await until(() => over, "some watches");
  // Each began after a wait; none of them was trouble, and none a reason to list again.
  expect(seen.counts().lists).toBe(1);
  expect(seen.troubles).toEqual([]);
});

test("garbage and errors are trouble, after which everything is listed again", async () => {
  const seen = await mirror(
    (n, _url, response) => {
      if (n === 1) response.writeHead(500).end("<html>");
      else if (n === 2) response.end("{");
      else response.end(list(String(n), []));
    },
    (n, _url, response) => {
      if (n === 0) response.end("garbage\n");
      else response.write(event("ADDED", object("fine", "9")));
    },
  );
  await until(() => seen.reflector.store.get("fine"), "a watch that works");
  expect(seen.counts()).toEqual({ lists: 4, watches: 2 });
  expect(seen.troubles).toHaveLength(3);
});
