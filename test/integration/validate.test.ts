import { resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { names } from "../../schema/names.ts";
import { annotations } from "../../src/annotations/table.ts";
import { offlineDefaults } from "../../src/cli/settings.ts";
import { validateFiles } from "../../src/cli/validate.ts";
import { cacheManifest, type Folder, jobManifest, makeFolder } from "../support/cli.ts";
import { type ControlPlane, startControlPlane } from "../support/control-plane.ts";
import { adminClient, installOperator } from "../support/installation.ts";
import { start } from "../support/processes.ts";
import { kubectl } from "../support/programs.ts";
import { until } from "../support/wait.ts";

let plane: ControlPlane;
let folder: Folder;

beforeAll(async () => {
  plane = await startControlPlane();
  folder = await makeFolder();
  const client = await adminClient(plane);
  await installOperator(client);
  client.close();
  await until(async () => (await refusalOf(cacheManifest())) === "", "OrasCaches to be served");
});

afterAll(async () => {
  await folder?.remove();
  await plane?.stop();
});

/** Why the API server refuses a manifest, without storing it; empty where it does not. */
async function refusalOf(manifest: string): Promise<string> {
  const args = ["create", "--dry-run=server", "--validate=ignore", "-f", "-"];
  return kubectl(plane.kubeconfig, args, manifest).then(
    () => "",
    (error: Error) => error.message,
  );
}

const containers = "containers: [{name: main, image: a, command: [a]}]";
const labels = "labels: {a: b}";
const selected = `selector: {matchLabels: {a: b}}, template: {metadata: {${labels}}, spec: {POLICY ${containers}}}`;
const kinds = {
  Pod: ["v1", `{POLICY ${containers}}`, ""],
  Job: ["batch/v1", `{template: {spec: {POLICY ${containers}}}}`, "restartPolicy: Never, "],
  CronJob: [
    "batch/v1",
    `{schedule: "* * * * *", jobTemplate: {spec: {template: {spec: {POLICY ${containers}}}}}}`,
    "restartPolicy: Never, ",
  ],
  Deployment: ["apps/v1", `{${selected}}`, ""],
  DaemonSet: ["apps/v1", `{${selected}}`, ""],
  ReplicaSet: ["apps/v1", `{${selected}}`, ""],
  StatefulSet: ["apps/v1", `{serviceName: a, ${selected}}`, ""],
} as const;
type Kind = keyof typeof kinds;

function manifestOf(kind: Kind, { metadata = "name: x", policy = kinds[kind][2] as string } = {}): string {
  const [apiVersion, spec] = kinds[kind];
  return `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {${metadata}}\nspec: ${spec.replace("POLICY", policy)}\n`;
}

const policies = [
  "",
  "restartPolicy: Always, ",
  "restartPolicy: OnFailure, ",
  "restartPolicy: Never, ",
  "restartPolicy: x, ",
];
const metadata = [
  "name: a.b",
  "name: A",
  "name: a_b",
  "name: -a",
  "name: a-",
  "name: 5",
  "labels: {}",
  "generateName: a-",
  "generateName: A-",
  `name: ${"a".repeat(52)}`,
  `name: ${"a".repeat(53)}`,
  `name: ${"a".repeat(63)}`,
  `name: ${"a".repeat(64)}`,
  `name: ${"a".repeat(254)}`,
  "name: x, annotations: {a: null}",
  "name: x, annotations: {a: true}",
];
const of = (kind: Kind) => [
  ...policies.map((policy) => manifestOf(kind, { policy })),
  ...metadata.map((text) => manifestOf(kind, { metadata: text })),
];
const others = [
  `apiVersion: batch/v1\nkind: job\nmetadata: {name: x}`,
  `apiVersion: v1\nkind: Job\nmetadata: {name: x}`,
  `apiVersion: batch/v1beta1\nkind: CronJob\nmetadata: {name: x}`,
  `apiVersion: ${names.apiVersion}\nkind: OrasCach\nmetadata: {name: x}`,
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}`,
  cacheManifest("null"),
  cacheManifest("{deploy: false, registry: null}"),
  cacheManifest("{deploy: false, registry: 5}"),
  cacheManifest("{}", "labels: {}"),
  cacheManifest("{}", "generateName: a-"),
];

describe("what validate calls an error, the API server refuses, and nothing else", () => {
  it.each([...(Object.keys(kinds) as Kind[]).flatMap(of), ...others])("%s", async (manifest) => {
    const file = await folder.write("a.yaml", manifest);
    const { findings } = await validateFiles([file], offlineDefaults);
    const told = findings.flatMap(({ level, path, message }) =>
      level === "error" ? [`${path}: ${message}`] : [],
    );
    const refusal = await refusalOf(manifest);
    if (refusal === "") expect(told).toEqual([]);
    else expect(told, refusal).not.toEqual([]);
  });
});

describe("validate --cluster", () => {
  const namespace = "of-a-cluster";
  const lines = [
    `${annotations["output-uri"].key}: a/b:c`,
    `${annotations["output-path"].key}: /tmp/out`,
    `${annotations["requests-memory"].key}: 1Gi`,
  ];
  const files = async () => folder.write("asked/job.yaml", jobManifest({ lines }));
  const run = async (...args: string[]) => {
    const argv = [
      process.execPath,
      resolve("src/cli/main.ts"),
      "validate",
      "-R",
      "-f",
      await files(),
      ...args,
    ];
    return start(argv, { env: { ...process.env, KUBECONFIG: plane.kubeconfig } }).ended;
  };

  it("counts what the cluster has, and says what it lacks", async () => {
    await kubectl(plane.kubeconfig, ["create", "namespace", namespace]);
    const asked = ["--cluster", "-n", namespace];
    const without = await run(...asked);
    expect(without.stdout).toContain(
      `found no ${names.kind} "oras" (the default) for the namespace "${namespace}" in these files and the cluster.`,
    );
    expect(without.stdout).toMatch(/ warning +CacheNotInFiles /);
    await kubectl(plane.kubeconfig, ["create", "-n", namespace, "-f", "-"], cacheManifest());
    expect((await run(...asked)).stdout).toBe("1 file, 1 object: nothing is wrong\n");
    const bound = "{type: Container, max: {memory: 512Mi}}";
    const ranges = `apiVersion: v1\nkind: LimitRange\nmetadata: {name: small}\nspec: {limits: [${bound}]}\n`;
    await kubectl(plane.kubeconfig, ["create", "-n", namespace, "-f", "-"], ranges);
    expect((await run(...asked)).stdout).toContain('LimitRange "small"');
    expect((await run("-n", namespace)).stdout).not.toContain("LimitRange");
  });

  it("says what it cannot ask", async () => {
    const { code, stderr } = await run("--cluster", "--context", "nowhere");
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining("nowhere") });
  });
});
