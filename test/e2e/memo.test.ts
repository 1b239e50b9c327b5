import type { V1Job, V1Pod } from "@kubernetes/client-node";
import { describe, expect } from "vitest";
import { names } from "../../schema/names.ts";
import { jobOf, type StepAnnotations } from "../support/builders.ts";
import { it } from "../support/e2e.ts";
import { until } from "../support/wait.ts";
import type { Workspace } from "../support/workspace.ts";

/** No registry can be asked for images here. */
const memo: StepAnnotations = { memoize: "on", "memoize-assume": "tags", "output-path": "out" };
const inputs = (...uris: string[]): StepAnnotations =>
  Object.fromEntries([
    ...uris.map((uri, i) => [i === 0 ? "input-uri" : `input-uri_${i}`, uri] as const),
    ...(uris.length > 0 ? ([["input-path", "/tmp/in"]] as const) : []),
  ]);
const step = (name: string, output: string, uris: readonly string[], script: string, more = {}): V1Job =>
  jobOf(name, { ...inputs(...uris), ...memo, "output-uri": output, ...more }, script);

/** Five Jobs in two branches that meet, in the wrong order. */
const workflow = (of: string, { seed = "seed", left = "cat /tmp/in/*/seed >out/left" } = {}): V1Job[] => {
  const at = (name: string) => `${of}/${name}:1`;
  const job = (name: string, from: readonly string[], script: string) =>
    step(`${of}-${name}`, at(name), from.map(at), `mkdir out; ${script}`);
  return [
    job("report", ["left", "right"], "cat /tmp/in/*/left /tmp/in/*/right >out/report"),
    job("right", ["data"], "tr a-z A-Z </tmp/in/out/data >out/right"),
    job("left", ["data"], left),
    job(
      "data",
      ["seed"],
      "cut -c 1-4 </tmp/in/out/seed >out/data; cp /tmp/in/out/seed out/seed; cut -c 1-4 </tmp/in/out/seed >out/seed",
    ),
    job("seed", [], `echo ${seed} >out/seed`),
  ];
};
const all = ["seed", "data", "left", "right", "report"];

const jobAs = async (ws: Workspace, name: string) =>
  JSON.parse(await ws.kubectl("get", "job", name, "-o", "json")) as V1Job;
/** Of a Job that is complete. The label comes after that. */
const isMemoized = async (ws: Workspace, name: string) => {
  const { status } = await jobAs(ws, name);
  return status?.conditions?.find(({ type }) => type === "Complete")?.reason === "Memoized";
};
const podsOf = async (ws: Workspace, name: string) =>
  (JSON.parse(await ws.kubectl("get", "pods", "-l", `job-name=${name}`, "-o", "json")) as { items: V1Pod[] })
    .items;
const recorded = (ws: Workspace, name: string) =>
  until(
    async () => (await jobAs(ws, name)).metadata?.annotations?.[names.memoKeyAnnotation]?.split(" ")[1],
    `what became of the result of ${name}`,
  );
const eventsOf = (ws: Workspace, name: string) =>
  ws.kubectl(
    "get",
    "events",
    "--field-selector",
    `involvedObject.name=${name}`,
    "-o",
    "jsonpath={range .items[*]}{.reason}: {.message}{'\\n'}{end}",
  );

/** Runs all, and says which of them ran. */
async function run(ws: Workspace, of: string, jobs: readonly V1Job[]): Promise<string[]> {
  // By one kubectl: a process for each may take longer than the two seconds after which an old tag counts.
  await ws.apply({ apiVersion: "v1", kind: "List", items: jobs });
  const ran: string[] = [];
  for (const name of all) {
    expect(await ws.verdict(`${of}-${name}`), await eventsOf(ws, `${of}-${name}`)).toBe("Complete");
    if (await isMemoized(ws, `${of}-${name}`)) {
      expect(await podsOf(ws, `${of}-${name}`)).toEqual([]);
      const labels = async () => (await jobAs(ws, `${of}-${name}`)).metadata?.labels;
      await until(async () => (await labels())?.[names.memoizedLabel] === "true", "the label");
    } else {
      ran.push(name);
      expect(await recorded(ws, `${of}-${name}`)).toBe("written");
    }
  }
  for (const name of all) await ws.kubectl("delete", "job", `${of}-${name}`);
  return ran;
}

describe.concurrent("Jobs that may be memoized", () => {
  it("run once; again only those behind what has changed, and none behind what came out the same", async ({
    ws,
  }) => {
    expect(await run(ws, "five", workflow("five"))).toEqual(all);
    expect(await run(ws, "five", workflow("five"))).toEqual([]);
    const other = { left: "cat /tmp/in/*/seed | rev >out/left" };
    expect(await run(ws, "five", workflow("five", other))).toEqual(["left", "report"]);
    expect(await run(ws, "five", workflow("five", { ...other, seed: "seed and more" }))).toEqual([
      "seed",
      "data",
    ]);
  });

  it("that are equal and come at once run once", async ({ ws }) => {
    const names20 = Array.from({ length: 20 }, (_, i) => `equal-${i}`);
    const list = names20.map((name) =>
      step(name, `equal/${name}:1`, [], "sleep 3; mkdir out; echo x >out/x"),
    );
    await ws.apply({ apiVersion: "v1", kind: "List", items: list });
    for (const name of names20) expect(await ws.verdict(name)).toBe("Complete");
    const pods = await Promise.all(names20.map(async (name) => (await podsOf(ws, name)).length));
    expect(pods.reduce((sum, count) => sum + count, 0)).toBe(1);
    expect(await ws.content("equal/equal-19:1", "out/x")).toContain("x");
  });

  it("run again with refresh, and are compared with verify", async ({ ws }) => {
    const random = (name: string, memoize: string) =>
      step(name, "random/out:1", [], "mkdir out; cat /proc/sys/kernel/random/uuid >out/x", { memoize });
    const end = async (name: string, mode: string) => {
      await ws.apply(random(name, mode));
      expect(await ws.verdict(name)).toBe("Complete");
      return (await isMemoized(ws, name)) ? "memoized" : recorded(ws, name);
    };
    expect(await end("random-1", "on")).toBe("written");
    expect(await end("random-2", "on")).toBe("memoized");
    expect(await end("random-3", "refresh")).toBe("written");
    expect(await end("random-4", "on")).toBe("memoized");
    expect(await end("random-5", "verify")).toBe("different");
    await until(async () => (await eventsOf(ws, "random-5")).includes("MemoMismatch"), "the Event");
    expect(await end("random-6", "on")).toBe("written");
    for (const name of ["random-3", "random-5"]) expect(await eventsOf(ws, name)).toContain("MemoMiss");
  });

  it("that are Indexed run only the indexes whose results are not there", async ({ ws }) => {
    const array = (name: string, completions: number) => {
      const made = step(
        name,
        `${name}/part:$(JOB_COMPLETION_INDEX)`,
        [],
        'mkdir out; echo "$HOSTNAME" >out/x',
      );
      return {
        ...made,
        spec: { ...made.spec, completionMode: "Indexed", completions, parallelism: 2 },
      };
    };
    await ws.apply(array("array-1", 4));
    expect(await ws.verdict("array-1")).toBe("Complete");
    expect(await recorded(ws, "array-1")).toBe("written");
    await ws.apply(array("array-2", 6));
    expect(await ws.verdict("array-2")).toBe("Complete");
    const { status } = await jobAs(ws, "array-2");
    expect(status).toMatchObject({ succeeded: 6, completedIndexes: "0-5" });
    const ran = (await podsOf(ws, "array-2")).map(
      ({ metadata }) => metadata?.labels?.["batch.kubernetes.io/job-completion-index"],
    );
    expect(ran.sort()).toEqual(["4", "5"]);
    for (let index = 0; index < 6; index++) {
      const maker = index < 4 ? "array-1" : "array-2";
      expect(await ws.content(`array-2/part:${index}`, "out/x")).toContain(`${maker}-${index}`);
    }
    expect(await recorded(ws, "array-2")).toBe("written");
    expect(await eventsOf(ws, "array-2")).toContain("Memoized: The indexes 0-3 of 6 do not run");
    await ws.apply(array("array-3", 6));
    expect(await ws.verdict("array-3")).toBe("Complete");
    expect(await isMemoized(ws, "array-3")).toBe(true);
    expect(await podsOf(ws, "array-3")).toEqual([]);
  });
});
