import type { V1Job } from "@kubernetes/client-node";
import { describe, expect } from "vitest";
import { names } from "../../schema/names.ts";
import { resources } from "../../src/kube/resources.ts";
import { jobOf, type StepAnnotations } from "../support/builders.ts";
import { memoJob } from "../support/equal-steps.ts";
import { test as base } from "../support/integration.ts";
import { startJobPlane } from "../support/job-plane.ts";
import { minor } from "../support/kubernetes-version.ts";
import type { ObjectsIn } from "../support/objects-in.ts";
import { somebody, startPrivateRegistry } from "../support/private-registry.ts";
import { kubectl } from "../support/programs.ts";
import { until } from "../support/wait.ts";
import { endOfJob } from "../support/workflow-world.ts";

/** The operator by its ServiceAccount, the real controllers of Jobs, and a real registry outside that asks for a password. */
const test = base
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from it which fixtures are needed
  .extend("registry", { scope: "file" }, async ({}, { onCleanup }) => {
    const registry = await startPrivateRegistry();
    onCleanup(registry.stop);
    return registry;
  })
  .extend("jobs", { scope: "file" }, async ({ registry }, { onCleanup }) => {
    const jobs = await startJobPlane({ flags: ["--image-lookup-hosts", registry.host] });
    onCleanup(jobs.stop);
    return jobs;
  });

const secretName = "login";
const commands =
  /(kubectl create role \S+ -n \S+ --verb=get --resource=secrets --resource-name=\S+) && (kubectl create rolebinding .*)$/;

/** What tests do in a namespace: steps whose only input is a tag of the registry named as they are. */
function at(ns: ObjectsIn, { host }: { readonly host: string }) {
  const create = (name: string, more: StepAnnotations = {}) => {
    const annotations: StepAnnotations = {
      ...{ "wait-for-inputs": "true", registry: host, "oras-env": secretName },
      ...{ "input-uri": `${ns.namespace}/${name}:1` },
      ...more,
    };
    return ns.create(resources.jobs, jobOf(name, annotations, "true"));
  };
  const condition = async (name: string) =>
    (await ns.read<V1Job>(resources.jobs, name))?.status?.conditions?.find(
      ({ type }) => type === names.inputsAvailable,
    );
  return {
    create,
    /** Waits until a step is said to wait, with these words. */
    waits: (name: string, words: string) =>
      until(async () => {
        const { status, message = "" } = (await condition(name)) ?? {};
        return status === "False" && message.includes(words);
      }, `${name} to wait: ${words}`),
    /** Waits until a step has started, and returns what it was given. */
    started: (name: string) =>
      until(async () => {
        const job = await ns.read<V1Job>(resources.jobs, name);
        return job?.spec?.suspend === false
          ? job.spec.template.metadata?.annotations?.[names.inputDigestsAnnotation]
          : undefined;
      }, `${name} to start`),
    /** Whether a step is held, once it was looked at. */
    isHeld: async (name: string) => {
      const { status } = (await condition(name)) ?? {};
      return status && (status === "False" ? "held" : "started");
    },
    told: (name: string) =>
      until(
        async () => (await ns.events(name)).find(({ reason }) => reason === "LoginNotReadable")?.note,
        "the Event",
      ),
  };
}

/** Runs what the Event of a step says, and waits until the operator sees that it may read the Secret. */
async function allow(kubeconfig: string, steps: ReturnType<typeof at>): Promise<void> {
  await steps.create("first");
  expect(await steps.started("first")).toBe("wait");
  const [, role = "", binding = ""] = commands.exec(await steps.told("first")) ?? [];
  for (const command of [role, binding]) await kubectl(kubeconfig, command.split(" ").slice(1));
  let tries = 0;
  await until(async () => {
    const name = `probe-${tries++}`;
    await steps.create(name);
    return until(() => steps.isHeld(name), `${name} to be looked at`).then((held) => held === "held");
  }, "a step that is held");
}

/** A namespace with the Secret of the right login, which it has let the operator read. */
async function allowed(
  { world, plane }: Awaited<ReturnType<typeof startJobPlane>>,
  registry: Awaited<ReturnType<typeof startPrivateRegistry>>,
  namespace: string,
) {
  const ns = await world.namespace(namespace);
  const steps = at(ns, registry);
  const secret = { metadata: { name: secretName }, ...registry.secretOf(somebody.password) };
  await ns.create(resources.secrets, secret as object);
  await allow(plane.kubeconfig, steps);
  return { ns, steps };
}

describe.concurrent("a step whose input is in a registry that asks for its login", () => {
  test("waits in its Pod, until the commands of the Event let the operator ask", async ({
    jobs,
    registry,
  }) => {
    const { ns, steps } = await allowed(jobs, registry, "allowed");

    await steps.create("second");
    await steps.waits("second", "not in the registry");
    const digest = await registry.push("allowed/second:1");
    expect(await steps.started("second")).toBe(digest);
    expect(await ns.events("second")).not.toContainEqual(
      expect.objectContaining({ reason: "LoginNotReadable" }),
    );
  });

  test("waits in its Pod when the Role goes while it is held", async ({ jobs, registry }) => {
    const { steps } = await allowed(jobs, registry, "taken");
    await steps.create("second");
    await steps.waits("second", "not in the registry");
    await kubectl(jobs.plane.kubeconfig, ["delete", "role", `read-${secretName}`, "-n", "taken"]);
    expect(await steps.started("second")).toBe("wait");
    expect(await steps.told("second")).toMatch(commands);
  });

  test("is held while its password is wrong, and goes on with the right one", async ({ jobs, registry }) => {
    const ns = await jobs.world.namespace("wrong");
    const steps = at(ns, registry);
    await allow(jobs.plane.kubeconfig, steps);
    await steps.create("second");
    await steps.waits("second", `the Secret ${secretName} with its login is not there`);
    const wrong = "wr0ng-word";
    await ns.create(resources.secrets, {
      metadata: { name: secretName },
      ...registry.secretOf(wrong),
    } as object);
    const digest = await registry.push("wrong/second:1");
    await steps.waits("second", `refuses the login of the Secret ${secretName}`);
    await ns.patch(resources.secrets, secretName, registry.secretOf(somebody.password));
    expect(await steps.started("second")).toBe(digest);

    const said = JSON.stringify([
      jobs.operator.log,
      await ns.events(),
      await ns.read(resources.jobs, "second"),
    ]);
    for (const word of [wrong, somebody.password]) {
      expect(said).not.toContain(word);
      expect(said).not.toContain(Buffer.from(`${somebody.username}:${word}`).toString("base64"));
    }
  });

  test("with user and password for the step's registry", async ({ jobs, registry }) => {
    const ns = await jobs.world.namespace("pair");
    const steps = at(ns, registry);
    const { username, password } = somebody;
    const stringData = { ORAS_USER: username, ORAS_PULL_PASS: password, "ca.crt": registry.ca };
    await ns.create(resources.secrets, { metadata: { name: secretName }, stringData } as object);
    await allow(jobs.plane.kubeconfig, steps);
    const digest = await registry.push("pair/second:1");
    await steps.create("second");
    expect(await steps.started("second")).toBe(digest);
  });

  test.skipIf(minor < 31)(
    "is memoized by what is in it, once the operator may ask",
    async ({ jobs, registry }) => {
      const { ns } = await allowed(jobs, registry, "memo");
      const create = async (name: string, tag: string) => {
        const input = { "oras-env": secretName, "input-uri": `oci://${registry.host}/memo/in:${tag}` };
        await ns.create(resources.jobs, memoJob(name, `memo/${name}:1`, {}, input));
        return until(async () => {
          const made = await ns.read<V1Job>(resources.jobs, name);
          return endOfJob(made) && made?.status?.conditions?.find(({ type }) => type === "Complete")?.reason;
        }, `the end of ${name}`);
      };
      const digest = await registry.push("memo/in:1");
      expect(await create("one", "1")).not.toBe("Memoized");
      expect(jobs.world.runsIn("memo").find(({ job }) => job === "one")?.pins).toEqual([digest]);
      await until(
        async () =>
          (await ns.read(resources.jobs, "one"))?.metadata?.annotations?.[names.memoKeyAnnotation]?.split(
            " ",
          )[1],
        "its result to be remembered",
      );
      await registry.push("memo/in:2");
      expect(await create("another", "2")).toBe("Memoized");
    },
  );

  test("gets nothing from the Secret of another namespace, nor from another one of its namespace", async ({
    jobs,
    registry,
  }) => {
    const [ns, other] = [await jobs.world.namespace("one"), await jobs.world.namespace("another")];
    const secret = { metadata: { name: secretName }, ...registry.secretOf(somebody.password) } as object;
    await ns.create(resources.secrets, secret);
    await other.create(resources.secrets, secret);
    const [steps, others] = [at(ns, registry), at(other, registry)];
    await allow(jobs.plane.kubeconfig, steps);
    const digest = await registry.push("one/second:1");
    await steps.create("second");
    expect(await steps.started("second")).toBe(digest);
    // The same artifact, which the operator knows by now.
    await others.create("second", { "input-uri": "one/second:1" });
    await steps.create("third", { "input-uri": "one/second:1", "oras-env": "else" });
    expect(await others.started("second")).toBe("wait");
    expect(await steps.started("third")).toBe("wait");
  });
});
