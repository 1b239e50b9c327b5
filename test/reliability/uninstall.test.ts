import { spawn } from "node:child_process";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { buildModule } from "../../dev/cluster/binaries.ts";
import { names } from "../../schema/names.ts";
import type { StoredOrasCache } from "../../src/cache/types.ts";
import { cacheOf } from "../support/builders.ts";
import { type ControlPlane, startControlPlane } from "../support/control-plane.ts";
import { runHookJobs } from "../support/hook-jobs.ts";
import { asksNobody, startOperator } from "../support/operator.ts";
import { start } from "../support/processes.ts";
import { until } from "../support/wait.ts";

/** Written beside the work and gone by themselves, or made by the API server for every namespace. */
const passing =
  /^(events|events\.events\.k8s\.io|leases\.coordination\.k8s\.io|endpoints|endpointslices.*|componentstatuses) /;

/** An API server with the controllers that see to deletions, and programs to use it. */
async function cluster() {
  const plane = await startControlPlane();
  const programs = await buildModule("kubernetes");
  const helm = join(await buildModule("helm"), "helm");
  const manager = spawn(
    join(programs, "kube-controller-manager"),
    [
      `--kubeconfig=${plane.kubeconfig}`,
      "--controllers=garbage-collector-controller,namespace-controller,persistentvolumeclaim-protection-controller",
      "--leader-elect=false",
      "--secure-port=0",
    ],
    { stdio: "ignore" },
  );
  const jobs = runHookJobs(plane);
  onTestFinished(async () => {
    manager.kill("SIGKILL");
    await jobs.stop();
    await plane.stop();
  });
  const env = { ...process.env, KUBECONFIG: plane.kubeconfig };
  const run = async (argv: readonly string[], input?: string) => {
    const { code, stdout, stderr } = await start(argv, { env, ...(input === undefined ? {} : { input }) })
      .ended;
    if (code !== 0) throw new Error(`${argv.join(" ")}: ${stderr}`);
    return stdout;
  };
  const kubectl = (...args: string[]) => run([join(programs, "kubectl"), ...args]);
  const apply = (object: object) =>
    run([join(programs, "kubectl"), "apply", "-f", "-"], JSON.stringify(object));
  /** Every object that there is, as `resource namespace/name`. */
  const everything = async () => {
    const resources = (await kubectl("api-resources", "--verbs=list", "-o", "name")).trim().split("\n");
    const format = `jsonpath={range .items[*]}{.metadata.namespace}/{.metadata.name}{"\\n"}{end}`;
    const lists = await Promise.all(
      resources.map(async (resource) => {
        const found = await kubectl("get", resource, "--all-namespaces", "-o", format).catch(() => "");
        return found
          .split("\n")
          .filter(Boolean)
          .map((name) => `${resource} ${name}`);
      }),
    );
    return new Set(lists.flat().filter((line) => !passing.test(line)));
  };
  return { plane, kubectl, apply, everything, helm: (...args: string[]) => run([helm, ...args]) };
}

/** Caches of each kind, with what the operator makes for them. */
async function withCaches({ kubectl, apply, plane }: Awaited<ReturnType<typeof cluster>>) {
  const operator = await startOperator((plane as ControlPlane).kubeconfig, ...asksNobody);
  await apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: "team" } });
  const claim = (onDelete: "Retain" | "Delete") => ({
    storage: { persistentVolumeClaim: { size: "1Gi", onDelete } },
  });
  const caches = { ephemeral: {}, retained: claim("Retain"), deleted: claim("Delete") };
  for (const [name, spec] of Object.entries(caches))
    await apply(cacheOf(name, spec as never, { namespace: "team" }));
  await until(async () => {
    const { items } = JSON.parse(await kubectl("get", names.plural, "--namespace=team", "-o", "json")) as {
      items: StoredOrasCache[];
    };
    return items.length === 3 && items.every(({ status }) => status?.observedGeneration !== undefined);
  }, "the status of every OrasCache");
  // The garbage collector asks every half minute which kinds there are; until then it knows no OrasCache as an owner.
  await apply(cacheOf("first", {}, { namespace: "team" }));
  await until(() => kubectl("get", "service", "first", "--namespace=team"), "its Service");
  await kubectl("delete", names.plural, "first", "--namespace=team");
  const isGone = async () =>
    (await kubectl("get", "services", "--namespace=team", "-o", "name")).includes("/first") === false;
  await until(isGone, "the garbage collector to know OrasCaches", 240_000);
  expect((await kubectl("get", "pvc", "--namespace=team", "-o", "name")).trim().split("\n")).toHaveLength(2);
  return operator;
}

/** What is there that was not, when nothing goes any more. */
async function left(
  before: ReadonlySet<string>,
  everything: () => Promise<Set<string>>,
  expected: readonly string[],
) {
  let now: string[] = [];
  const isThat = async () => {
    now = [...(await everything())].filter((line) => !before.has(line)).sort();
    return JSON.stringify(now) === JSON.stringify([...expected].sort());
  };
  await until(isThat, "the rest to go", 60_000).catch(() => {});
  return now;
}

const kept = ["namespaces /team", "persistentvolumeclaims team/retained-data"];

test("kubectl delete of the one file leaves the claims that are to be retained, and nothing else", async () => {
  const installed = await cluster();
  const { kubectl, everything } = installed;
  const before = await everything();
  await kubectl("apply", "-f", "examples/dist/oras-operator.yaml");
  const operator = await withCaches(installed);
  await kubectl("delete", "-f", "examples/dist/oras-operator.yaml", "--timeout=120s");
  await operator.stop();
  const rest = await left(before, everything, kept);
  console.info({ uninstalled: "kubectl", left: rest });
  expect(rest).toEqual(kept);
});

test("helm uninstall keeps OrasCaches and the key; deleting these leaves the claims that are to be retained", async () => {
  const installed = await cluster();
  const { kubectl, helm, everything } = installed;
  const before = await everything();
  const release = [names.operatorName, "--namespace", names.operatorNamespace];
  await helm("install", ...release, "./chart", "--create-namespace");
  const operator = await withCaches(installed);
  const children = (line: string) => / team\//.test(line);
  const ofCaches = [...(await everything())].filter((line) => !before.has(line) && children(line));
  await helm("uninstall", ...release);
  await operator.stop();
  const secrets = `secrets ${names.operatorNamespace}`;
  const rest = await left(before, everything, []);
  console.info({ uninstalled: "helm", left: rest.length });
  expect(rest).toEqual(expect.arrayContaining([...ofCaches, `${secrets}/${names.cacheKeySecret}`]));
  expect(rest.filter((line) => !children(line))).toEqual(
    expect.arrayContaining(["namespaces /team", `namespaces /${names.operatorNamespace}`]),
  );
  await kubectl("delete", "crd", `${names.plural}.${names.group}`, "--timeout=120s");
  await kubectl("delete", "namespace", names.operatorNamespace, "--timeout=120s");
  const nothing = await left(before, everything, kept);
  console.info({ uninstalled: "helm and by hand", left: nothing });
  expect(nothing).toEqual(kept);
});
