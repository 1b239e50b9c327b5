import { afterEach, expect, onTestFinished, test, vi } from "vitest";
import { createBackoff } from "../../../src/common/backoff.ts";
import { createEventRecorder, eventOf, printable } from "../../../src/kube/events.ts";
import { type ScriptedServer, startScriptedServer } from "../../support/api-server.ts";
import { storedCache } from "../../support/cache.ts";
import { until } from "../../support/wait.ts";

let server: ScriptedServer | undefined;
afterEach(() => server?.close());

const note = { type: "Normal", reason: "Created", action: "Create", note: "Created it." } as const;

test("an event is of the form that the API server takes", () => {
  const event = eventOf(storedCache(), { ...note, note: "x".repeat(2000) }, "me", new Date(0));
  expect(event.metadata).toMatchObject({
    namespace: "work",
    name: expect.stringMatching(/^oras\.[0-9a-f]{16}$/),
  });
  expect(event["eventTime"]).toBe("1970-01-01T00:00:00.000000Z");
  expect(event["note"]).toHaveLength(1024);
  expect(event["regarding"]).toMatchObject({ kind: "OrasCache", name: "oras", uid: "6b3f" });
});

test.each([
  ["x".repeat(253), "x".repeat(236)],
  [`${"x".repeat(235)}-${"y".repeat(17)}`, "x".repeat(235)],
  [`${"x".repeat(234)}-.${"y".repeat(17)}`, "x".repeat(234)],
  ["x".repeat(236), "x".repeat(236)],
])("an event about %s has a name that the API server takes", (name, start) => {
  const about = { ...storedCache(), metadata: { ...storedCache().metadata, name } };
  const event = eventOf(about, note, "me", new Date(0));
  expect(event.metadata?.name).toMatch(new RegExp(`^${start}\\.[0-9a-f]{16}$`));
  expect(event["regarding"]).toMatchObject({ name });
});

test("the same Event is written once; a failure to write one is reported and delays nothing", async () => {
  const troubles: unknown[] = [];
  server = await startScriptedServer((_url, response) => response.writeHead(500).end("{}"));
  const record = createEventRecorder(server.client, "me", (error) => troubles.push(error));
  for (let i = 0; i < 5; i++) record(storedCache(), note);
  record(storedCache(), { ...note, note: "Another." });
  await until(() => troubles.length === 2, "both to fail");
  expect(server.requests).toHaveLength(2);
});

test("lif-19: of one reason about one object a few Events are written, whatever the words", async () => {
  server = await startScriptedServer((_url, response) => response.end("{}"));
  const record = createEventRecorder(server.client, "me", () => {});
  for (let i = 0; i < 50; i++) record(storedCache(), { ...note, note: `Refused (request ${i}).` });
  record(storedCache({}, { uid: "another" }), { ...note, reason: "Created" });
  await until(() => server?.requests.length === 6, "five and one of another");
});

test("sec-12: a namespace in which somebody makes Events without end does not silence the others", async () => {
  server = await startScriptedServer((_url, response) => response.end("{}"));
  const record = createEventRecorder(server.client, "me", () => {});
  for (let i = 0; i < 1_000; i++) record(storedCache({}, { uid: `pod-${i}`, namespace: "loud" }), note);
  // Many steps that are told that they wait do not hide what is wrong with one.
  const other = note.type === "Normal" ? "Warning" : "Normal";
  record(storedCache({}, { uid: "other", namespace: "loud" }), { ...note, type: other });
  record(storedCache({}, { namespace: "quiet" }), note);
  const of = (namespace: string) =>
    server?.requests.filter(({ pathname }) => pathname.includes(`/${namespace}/`)).length;
  await until(() => of("quiet") === 1, "the other's");
  expect(of("loud")).toBe(301);
});

test("an Event for which there was no room spends nothing: it is written when it is told again", async () => {
  server = await startScriptedServer((_url, response) => response.end("{}"));
  vi.useFakeTimers({ toFake: ["performance"] });
  onTestFinished(() => void vi.useRealTimers());
  const record = createEventRecorder(server.client, "me", () => {});
  const tell = (uid: string) => record(storedCache({}, { uid, namespace: "loud" }), note);
  for (let i = 0; i < 300; i++) tell(`pod-${i}`);
  tell("late");
  vi.advanceTimersByTime(60_000);
  tell("late");
  await until(() => server?.requests.length === 301, "the late one");
});

test.each([
  ["escape codes", "\u001b[31mred\u001b[0m", "red"],
  ["lines and a bell", "a\nb\u0007\tc", "a b c"],
  ["what turns text around", "a\u202eb\u2066c", "a b c"],
  ["an unfinished escape code", "\u001b]0;title", "]0;title"],
  ["plain text of any language", "naïve 日本 🎉", "naïve 日本 🎉"],
])("sec-12: %s in a note", (_, text, plain) => {
  expect(printable(text)).toBe(plain);
  const hostile = `${text}`.repeat(100_000);
  expect(printable(hostile).length).toBeLessThanOrEqual(1024);
});

test("waits double up to the longest, and begin anew after success", () => {
  const backoff = createBackoff(100, 500);
  const waits = Array.from({ length: 5 }, backoff.next);
  [100, 200, 400, 500, 500].forEach((most, i) => {
    expect(waits[i]).toBeLessThanOrEqual(most);
    expect(waits[i]).toBeGreaterThan(most * 0.7);
  });
  backoff.reset();
  expect(backoff.next()).toBeLessThanOrEqual(100);
});
