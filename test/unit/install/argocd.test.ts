import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { names } from "../../../schema/names.ts";
import { conditionTypes } from "../../../schema/reasons.ts";
import { objectsIn } from "../../support/manifests.ts";

const file = "examples/how-to/argocd.yaml";
const [configMap] = objectsIn(readFileSync(file, "utf8"));
const key = `resource.customizations.health.${names.group}_${names.kind}`;
const check = (configMap?.["data"] as Record<string, string> | undefined)?.[key] ?? "";

/** What the check says of objects, by Lua 5.1, the language of Argo CD's health checks. */
function healthOf(objects: readonly object[]): { status: string; message: string }[] {
  const health = `local function health(obj)\n${check}\nend\n`;
  const show = 'local h = health(%) print(h.status .. "\\t" .. h.message)';
  const calls = objects.map((object) => `do ${show.replace("%", () => lua(object))} end`);
  const printed = execFileSync("lua5.1", ["-"], { input: health + calls.join("\n"), encoding: "utf8" });
  return printed
    .trimEnd()
    .split("\n")
    .map((line) => {
      const [status = "", message = ""] = line.split("\t");
      return { status, message };
    });
}

/** A value as Lua writes it. */
function lua(value: unknown): string {
  if (Array.isArray(value)) return `{${value.map(lua).join(",")}}`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([name, field]) => `[${JSON.stringify(name)}]=${lua(field)}`)
    .join(",")}}`;
}

const condition = fc.record({
  type: fc.constantFrom(...Object.keys(conditionTypes), "Unheard"),
  status: fc.constantFrom("True", "False", "Unknown"),
  reason: fc.constantFrom("RegistryReady", "Suspended", "RollingOut", "Pending"),
  message: fc.constantFrom("first", "second", "third"),
});
const conditions = fc.uniqueArray(condition, { selector: ({ type }) => type, maxLength: 8 });
const cache = fc.record({
  metadata: fc.record({ generation: fc.integer({ min: 1, max: 2 }) }),
  status: fc.option(
    fc.record(
      { observedGeneration: fc.integer({ min: 1, max: 2 }), conditions },
      { requiredKeys: ["conditions"] },
    ),
    { nil: undefined },
  ),
});
type Drawn = typeof cache extends fc.Arbitrary<infer T> ? T : never;

/** In the words of the page. */
function expected({ metadata, status }: Drawn) {
  const of = (type: string) => status?.conditions.find((each) => each.type === type);
  const ready = of("Ready");
  if (ready === undefined || status?.observedGeneration !== metadata.generation)
    return { status: "Progressing", message: "Waiting for the operator" };
  const degraded = of("Degraded");
  if (degraded?.status === "True") return { status: "Degraded", message: degraded.message };
  const { message } = ready;
  if (ready.status === "True") return { status: "Healthy", message };
  return { status: ready.reason === "Suspended" ? "Suspended" : "Progressing", message };
}

const object = (ready: string, reason: string, more: object[] = []): Drawn =>
  ({
    metadata: { generation: 3 },
    status: {
      observedGeneration: 3,
      conditions: [{ type: "Ready", status: ready, reason, message: reason }, ...more],
    },
  }) as Drawn;

test("Argo CD is told of the OrasCache by its group and kind", () => {
  expect(Object.keys((configMap?.["data"] ?? {}) as object)).toEqual([key]);
  expect(readFileSync("docs/gitops.md", "utf8")).toContain(`# ${file}\n`);
});

test("Argo CD shows an OrasCache as the page says", () => {
  const degraded = { type: "Degraded", status: "True", reason: "Unschedulable", message: "no node" };
  const stale = { ...object("True", "RegistryReady"), metadata: { generation: 4 } };
  expect(
    healthOf([
      object("True", "RegistryReady"),
      object("False", "RollingOut"),
      object("False", "Suspended"),
      object("False", "Unschedulable", [degraded]),
      stale,
      { metadata: { generation: 1 } },
    ]).map(({ status }) => status),
  ).toEqual(["Healthy", "Progressing", "Suspended", "Degraded", "Progressing", "Progressing"]);
});

test("Argo CD shows an OrasCache in every state", () => {
  const drawn = fc.sample(cache, 1_000);
  expect(healthOf(drawn)).toEqual(drawn.map(expected));
});
