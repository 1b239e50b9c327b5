import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { followPushes, type Push, pushOf } from "../../../src/keeper/pushes.ts";
import { until } from "../../support/wait.ts";

const digest = `sha256:${"a".repeat(64)}`;
const line = (over: object = {}) =>
  `${JSON.stringify({ repository: "runs/a", tag: "1", digest, userAgent: "oras/1.3.6", ...over })}\n`;

/** Follows a keeper that answers as the test says. */
async function following(answer: (response: ServerResponse, request: IncomingMessage, nth: number) => void) {
  let asked = 0;
  const server = createServer((request, response) => answer(response, request, ++asked));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const heard: (Push | "gap")[] = [];
  const ends = new AbortController();
  const ended = followPushes(
    { host: `127.0.0.1:${(server.address() as AddressInfo).port}` },
    "token",
    { onGap: () => heard.push("gap"), onPush: (push) => heard.push(push) },
    ends.signal,
  );
  const stop = async () => {
    ends.abort();
    await ended;
  };
  onTestFinished(async () => {
    await stop();
    server.closeAllConnections();
    server.close();
  });
  return { heard, stop, asked: () => asked };
}

const gaps = (heard: readonly (Push | "gap")[]) => heard.filter((each) => each === "gap").length;

test("each connection begins with a look at everything, and what is pushed follows", async () => {
  const authorizations = new Set<unknown>();
  const { heard, asked } = await following((response, request, nth) => {
    authorizations.add(request.headers.authorization);
    response.write("\n");
    response.write(line({ tag: `${nth}` }));
    // Every second one is cut off in a line.
    if (nth % 2 === 0) response.write('{"repo', () => response.destroy());
    else response.end();
  });
  await until(() => asked() > 3, "it to connect again");
  expect(heard.slice(0, 6)).toEqual(
    ["1", "2", "3"].flatMap((tag) => ["gap", { repository: "runs/a", tag, digest, userAgent: "oras/1.3.6" }]),
  );
  expect([...authorizations]).toEqual(["Bearer token"]);
});

test("a keeper that does not answer in its way is asked again, and nothing is heard", async () => {
  const { heard, asked } = await following((response, _, nth) => {
    if (nth === 1) response.writeHead(401).end("no");
    else if (nth === 2) response.destroy();
    else if (nth === 3) response.end();
    // A line without end.
    else response.write("a".repeat(100_000));
  });
  await until(() => asked() > 3, "it to ask again");
  expect(heard).toEqual([]);
});

test("a keeper of an earlier version is left alone for minutes", async () => {
  const { heard, asked, stop } = await following((response) => response.writeHead(404).end());
  await until(() => asked() > 0, "the question");
  const failing = await following((response) => response.writeHead(500).end());
  await until(() => failing.asked() > 2, "one that fails to be asked again");
  expect(asked()).toBe(1);
  await stop();
  expect(heard).toEqual([]);
});

test("a flood is heard slowly, without a look at everything each second", async () => {
  const { heard, asked } = await following((response) => void response.write(`\n${line().repeat(300)}`));
  await until(() => heard.length - gaps(heard) === 300, "all of it");
  expect(heard[0]).toBe("gap");
  // A look at everything each second would be thousands of questions to the registry.
  expect(gaps(heard)).toBe(1);
  expect(asked()).toBe(1);
});

test("the signal ends it while a flood is paused, and nothing is heard after that", async () => {
  const closed = Promise.withResolvers<void>();
  const { heard, stop } = await following((response) => {
    response.on("close", closed.resolve);
    response.write(`\n${line().repeat(1_000)}`);
  });
  await until(() => heard.length > 50, "the flood");
  await stop();
  const { length } = heard;
  await closed.promise;
  expect(heard.length).toBe(length);
  expect(length).toBeLessThan(1_000);
});

test("what is not about a manifest of a repository is nothing", () => {
  expect(pushOf(line({ tag: undefined, userAgent: 1 }))).toEqual({
    ...{ repository: "runs/a", tag: undefined, digest, userAgent: "" },
  });
  for (const text of [
    ...["", "{", "null", "[]", "1", '"a"', "{}", '{"__proto__":{"repository":"a"}}'],
    ...["../a", "a//b", "A", "a".repeat(256), 1, null].map((repository) => line({ repository })),
    ...["-a", "a/b", "a".repeat(129), 1, null].map((tag) => line({ tag })),
    ...["sha256:a", `${digest}a`, "a", 1, null].map((other) => line({ digest: other })),
  ])
    expect(pushOf(text), text).toBeUndefined();
});

test("any line is understood or is nothing", () => {
  const fields = { repository: fc.anything(), tag: fc.anything(), digest: fc.anything() };
  const lines = fc.oneof(
    fc.string(),
    fc.json(),
    fc
      .record(fields)
      .map((value) => JSON.stringify(value, (_, each) => (typeof each === "bigint" ? 1 : each))),
  );
  fc.assert(
    fc.property(lines, (text) => {
      const push = pushOf(text);
      expect(push === undefined || pushOf(JSON.stringify(push))).toEqual(push ?? true);
    }),
  );
});
