import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { V1ContainerStatus, V1Job } from "@kubernetes/client-node";
import { strFromU8, unzipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { names } from "../../schema/names.ts";
import { leftBehind, notPushed } from "../../schema/share.ts";
import { packCrate } from "../../src/cli/graph/crate.ts";
import { stepsOf } from "../../src/cli/graph/steps.ts";
import { graphOf } from "../../src/lineage/graph.ts";
import { jobOf, type StepAnnotations } from "../support/builders.ts";
import { digestOfLetter, endedPod, ownHost } from "../support/ended-step.ts";
import { temporaryFolder } from "../support/folders.ts";
import { start } from "../support/processes.ts";

/** The validator of the community, which dev/extra.ts installs. */
const python = join(process.env["ORAS_OPERATOR_ROC"] ?? "", "python");
const validate = async (crate: string) => {
  const { code, stdout, stderr } = await start([
    ...[python, "test/support/ro-crate/validate.py", crate, "provenance-run-crate-0.5"],
  ]).ended;
  expect([0, 1], stderr).toContain(code);
  return stdout;
};

type Entity = Record<string, unknown> & { readonly "@id": string };
interface Crate {
  readonly "@graph": Entity[];
}

const complete = {
  ...{ startTime: "2026-01-01T00:00:00Z", completionTime: "2026-01-01T00:01:00Z", succeeded: 1 },
  conditions: [{ type: "Complete", status: "True" }],
};
const failed = {
  startTime: "2026-01-01T00:02:00Z",
  conditions: [
    {
      type: "Failed",
      status: "True",
      reason: "DeadlineExceeded",
      lastTransitionTime: "2026-01-01T00:03:00Z",
    },
  ],
};

function job(name: string, map: StepAnnotations, status: object): V1Job {
  const made = jobOf(name, map);
  return { ...made, metadata: { ...made.metadata, namespace: "work", uid: name }, status: status as never };
}

const out = (uri: string): StepAnnotations => ({ "output-uri": uri, "output-path": "out" });
const pod = endedPod(
  { "input-uri": "counts/all:1", ...out("made/result:$(POD_NAME)") },
  { restartPolicy: "Never", containers: [{ name: "main", image: "busybox:1", command: ["make"] }] },
);
/** Its Pod has pushed to its failure-uri. */
const flaky = job("flaky", { ...out("made/x:1"), "failure-uri": "failed/x:1" }, failed);
const podOfFlaky = {
  ...pod,
  metadata: {
    ...{ name: "flaky-x", namespace: "work", uid: "flaky-x" },
    ownerReferences: [{ apiVersion: "batch/v1", kind: "Job", name: "flaky", uid: "flaky", controller: true }],
  },
  status: {
    phase: "Failed",
    containerStatuses: [
      {
        name: names.pushContainer,
        state: {
          terminated: {
            ...{ exitCode: 0, finishedAt: new Date("2026-01-01T00:02:30Z") },
            message: `${notPushed} the program ended with exit code 7${leftBehind}${ownHost}/failed/x:1 (${digestOfLetter("a")})`,
          },
        },
      } as V1ContainerStatus,
    ],
  },
};
const jobs = [
  job("split", out("parts/all:1"), complete),
  job("count", { "input-uri": "parts/all:1", ...out("counts/all:1") }, complete),
  job("index", { "input-uri": "ghcr.io/me/model:1", ...out("part/$(JOB_COMPLETION_INDEX):1") }, complete),
  job("plot", { "input-uri": "counts/all:1", ...out("plots/all:1") }, failed),
  job("late", { "input-uri": "plots/all:1" }, {}),
];

function crateOf(
  of: readonly V1Job[],
  pods = [pod],
): Readonly<Record<string, Uint8Array>> & { zip: Uint8Array } {
  const objects = { namespace: "work", jobs: of, pods, caches: [] };
  const zip = packCrate(graphOf(stepsOf(objects)), objects, new Date(0), () => {});
  return { ...unzipSync(zip), zip };
}

const leftOne = crateOf([flaky], [podOfFlaky]);

function written(bytes: Uint8Array): string {
  const file = join(temporaryFolder("crate"), "run.crate.zip");
  writeFileSync(file, bytes);
  return file;
}

describe("graph -o ro-crate", () => {
  it.each([
    ["a run with all that there is", crateOf(jobs)],
    ["one step alone", crateOf(jobs.slice(0, 1), [])],
    ["one that failed alone", crateOf(jobs.slice(3, 4), [])],
    ["one that has left something when it failed", leftOne],
    ["a Pod that runs", crateOf([], [{ ...pod, status: { phase: "Running" } }])],
    ["20 steps", crateOf(Array.from({ length: 20 }, (_, at) => job(`s-${at}`, out(`s/x:${at}`), complete)))],
  ])("is a Provenance Run Crate: %s", async (_, { zip }) => {
    expect(await validate(written(zip))).toBe("");
  });

  it("has what a failed step has left as its result", () => {
    const { "@graph": entities } = JSON.parse(
      strFromU8(leftOne["ro-crate-metadata.json"] ?? new Uint8Array()),
    ) as Crate;
    expect(entities.find((entity) => entity["@id"] === "#action-job%2Fflaky")).toMatchObject({
      result: [{ "@id": `oci://${ownHost}/failed/x:1` }],
    });
  });

  const { zip: _, ...files } = crateOf(jobs);
  const broken = (change: (crate: Crate, of: (id: string) => Record<string, unknown>) => void): string => {
    const crate = JSON.parse(strFromU8(files["ro-crate-metadata.json"] ?? new Uint8Array())) as Crate;
    change(crate, (id) => crate["@graph"].find((entity) => entity["@id"] === id) ?? {});
    const folder = temporaryFolder("broken");
    writeFileSync(join(folder, "ro-crate-metadata.json"), JSON.stringify(crate));
    writeFileSync(join(folder, "workflow.yaml"), files["workflow.yaml"] ?? "");
    return folder;
  };
  it.each([
    ["without a workflow", broken((_crate, of) => delete of("./")["mainEntity"]), "mainEntity"],
    ["without a step", broken((_crate, of) => delete of("#control-job%2Fsplit")["instrument"]), "HowToStep"],
    [
      "without a program",
      broken((_crate, of) => delete of("#action-job%2Fsplit")["instrument"]),
      "instrument",
    ],
    ["of another profile", broken((_crate, of) => (of("./")["conformsTo"] = [])), "Provenance Run Crate"],
    ["with a word of its own", broken((_crate, of) => (of("./")["madeWith"] = "x")), "madeWith"],
  ])("is none %s", async (_name, folder, words) => {
    expect(await validate(folder)).toContain(words);
  });

  it("is none without its manifests", async () => {
    const folder = broken(() => {});
    rmSync(join(folder, "workflow.yaml"));
    expect(await validate(folder)).toContain("workflow.yaml");
  });
});
