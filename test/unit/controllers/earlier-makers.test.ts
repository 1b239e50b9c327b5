import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { pino } from "pino";
import { describe, expect, it, onTestFinished } from "vitest";
import { names } from "../../../schema/names.ts";
import type { StoredOrasCache } from "../../../src/cache/types.ts";
import { fallbackTagOf } from "../../../src/common/fallback-tag.ts";
import { createEarlierMakers } from "../../../src/controllers/earlier-makers.ts";
import type { StepPod } from "../../../src/controllers/step-pods.ts";
import { stepController } from "../../../src/controllers/steps.ts";
import { createTagMakers } from "../../../src/controllers/tag-makers.ts";
import type { RegistryAccess } from "../../../src/controllers/trust.ts";
import type { KubeClient } from "../../../src/kube/client.ts";
import { KubeError } from "../../../src/kube/errors.ts";
import { createStore } from "../../../src/kube/store.ts";
import { canonical } from "../../../src/lineage/canonical.ts";
import { referrerOf } from "../../../src/lineage/sign.ts";
import { type Provenance, statementOf } from "../../../src/lineage/statement.ts";
import { digestOf } from "../../../src/registry/blobs.ts";
import { mirrorOf } from "../../support/mirrors.ts";

const host = "oras-0.oras.work.svc.cluster.local:5000";
const before = digestOf("before");
const after = digestOf("after");
const now = Date.parse("2026-01-01T12:00:00Z");
const key = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;

interface Told {
  readonly kind?: "Job" | "Pod";
  readonly name?: string;
  readonly index?: number;
  readonly artifact?: string;
  readonly finishedOn?: string;
  readonly isLeft?: true;
  readonly isSigned?: true;
  /** Another digest that it is about. */
  readonly digest?: string;
}

/** A statement of who made what the tag had, by a Pod that is gone. */
function statement({ kind = "Job", name = "north", index, isSigned, ...more }: Told = {}) {
  const { artifact = "a/b:1", finishedOn = "2026-01-01T11:00:00Z", isLeft, digest = before } = more;
  const of: Provenance = {
    ...{ artifact: `oci://${host}/${artifact}`, digest, completionIndex: index, containers: [] },
    ...{ step: { kind, namespace: "work", name }, annotations: {}, operator: "1", images: [], inputs: [] },
    ...{ pod: { uid: `gone-${name}`, name: `${name}-x` }, finishedOn, exitCodes: {}, bytes: 1 },
    ...(isLeft && { isLeft }),
  };
  return referrerOf(canonical(statementOf(of)), isSigned && key);
}

/** The paths of a registry that has some statements about what the tag had. */
function contentOf(statements: readonly Told[]): Map<string, string> {
  const content = new Map<string, string>();
  const manifests = statements.map((told) => {
    const { artifactType, text } = statement(told);
    content.set(`/v2/a/b/blobs/${digestOf(text)}`, text);
    const manifest = JSON.stringify({ artifactType, layers: [{ digest: digestOf(text) }] });
    content.set(`/v2/a/b/manifests/${digestOf(manifest)}`, manifest);
    return { digest: digestOf(manifest), annotations: { [names.invocationAnnotation]: "any" } };
  });
  if (manifests.length > 0)
    content.set(`/v2/a/b/manifests/${fallbackTagOf(before)}`, JSON.stringify({ manifests }));
  return content;
}

interface Step {
  readonly name?: string;
  readonly owner?: string;
  readonly index?: string;
  readonly replaced?: string;
  readonly registry?: string;
}

/** A Pod that has just moved the tag. */
function movingPod({
  name = "north-y",
  owner = "north",
  index,
  replaced = before,
  registry = host,
}: Step): StepPod {
  const volumeMounts = [{ name: names.shareVolume, mountPath: names.sharePath }];
  const message = JSON.stringify({
    ...{ artifact: `${registry}/a/b:1`, digest: after, bytes: 1, seconds: 1, replaced },
  });
  const terminated = { exitCode: 0, finishedAt: new Date(now), message };
  return {
    metadata: {
      ...{ name, namespace: "work", uid: `uid-${name}` },
      labels: {
        "batch.kubernetes.io/controller-uid": `uid-${owner}`,
        ...(index && { "batch.kubernetes.io/job-completion-index": index }),
      },
      ownerReferences:
        owner === ""
          ? []
          : [{ apiVersion: "batch/v1", kind: "Job", name: owner, uid: `uid-${owner}`, controller: true }],
    },
    spec: { containers: [{ name: names.pushContainer, volumeMounts }] },
    status: {
      containerStatuses: [
        { name: names.pushContainer, containerID: "containerd://1", state: { terminated } },
      ],
    },
  } as unknown as StepPod;
}

/** What a new leader tells of it, which has seen nothing of what was before; and what it has asked the registry. */
async function toldBy(
  step: Step,
  content: ReadonlyMap<string, string>,
  {
    isDeployed = true,
    isReady = true,
    created = "2026-01-01T11:30:00Z" as string | null,
    signal = new AbortController().signal,
  } = {},
) {
  const asked: string[] = [];
  const server = createServer(({ url = "" }, response) => {
    asked.push(url);
    const found = content.get(url);
    response.writeHead(found === undefined ? 404 : 200).end(found);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const access = { peer: { host: `127.0.0.1:${port}` }, authorization: undefined } as RegistryAccess;
  const caches = createStore<StoredOrasCache>(() => {});
  caches.put({
    metadata: { name: "oras", namespace: "work" },
    spec: { deploy: isDeployed },
  } as unknown as StoredOrasCache);
  const pod = movingPod(step);
  const pods = mirrorOf([pod]);
  const client = {
    now: () => now + 1_000,
    request: ({ path }: { readonly path: string }) => {
      const name = path.split("/").at(-1);
      if (created === null) return Promise.reject(new KubeError("GET job", 404, {}));
      return Promise.resolve({ metadata: { name, uid: `uid-${name}`, creationTimestamp: created } });
    },
  } as unknown as KubeClient;
  const log = pino({ enabled: false });
  const told: string[] = [];
  const earlier = createEarlierMakers({
    ...{ client, log, signal, caches: { store: caches } },
    access: { to: () => Promise.resolve(isReady ? access : undefined), forget: () => {} },
  });
  const controller = stepController({
    ...{ client, log, pods, caches: { store: caches }, countedUntil: undefined },
    ...{ countOutcome: () => {}, countPull: () => {} },
    publish: (object, { reason }) => {
      if (object.metadata?.name === pod.metadata?.name) told.push(reason);
    },
    makers: createTagMakers(pods, earlier),
  });
  for (const _ of [1, 2]) await controller.reconcile(`work/${pod.metadata?.name}`);
  return { told, asked };
}

const [quiet, warned] = [["Pushed"], ["Pushed", "TagMoved"]];

describe("a new leader, of a tag that was moved from what Pods made that are gone,", () => {
  it.each<[string, Step, readonly Told[], readonly string[]]>([
    ["tells a Job that is run again", {}, [{}], quiet],
    ["tells it by a signed statement", {}, [{ isSigned: true }], quiet],
    ["tells a Job of a CronJob", { owner: "daily-29384757" }, [{ name: "daily-29384756" }], quiet],
    ["tells the same index", { index: "4" }, [{ index: 4 }], quiet],
    ["tells a Pod that is run again", { name: "p", owner: "" }, [{ kind: "Pod", name: "p" }], quiet],
    [
      "tells it where others made the same bytes under other names",
      {},
      [{ artifact: "a/b:2", name: "south" }, {}, { artifact: "a/b:3", name: "south" }],
      quiet,
    ],
    ["warns of another Job", {}, [{ name: "south" }], warned],
    ["warns of another index", { index: "5" }, [{ index: 4 }], warned],
    ["warns of one without an index", { index: "5" }, [{}], warned],
    ["warns of a Pod with the name of the Job", {}, [{ kind: "Pod" }], warned],
    ["warns of another Pod of the same Job", {}, [{ finishedOn: "2026-01-01T11:40:00Z" }], warned],
    ["warns where another one was the last that made it", {}, [{}, { name: "south" }], warned],
    ["warns where the step made it under another name", {}, [{ artifact: "a/b:2" }], warned],
    ["warns where it was left by a failure", {}, [{ isLeft: true }], warned],
    ["warns where the statement is about something else", {}, [{ digest: after }], warned],
    ["warns where there is no statement", {}, [], warned],
    ["warns of a registry of somebody else", { registry: "ghcr.io" }, [{}], warned],
  ])("%s", async (_what, step, statements, reasons) => {
    expect((await toldBy(step, contentOf(statements))).told).toEqual(reasons);
  });

  it("asks nothing where no tag has moved", async () => {
    expect(await toldBy({ replaced: after }, contentOf([{}]))).toEqual({ told: quiet, asked: [] });
  });

  it.each<[string, Parameters<typeof toldBy>[2]]>([
    ["in a remote registry", { isDeployed: false }],
    ["in one that is not ready", { isReady: false }],
    ["moved by a Job that is gone", { created: null }],
  ])("warns where it is %s", async (_what, more) => {
    expect((await toldBy({}, contentOf([{}]), more)).told).toEqual(warned);
  });

  it.each(["", "{", "null", "[]", '{"manifests":3}', '{"manifests":[null,{"digest":"x"}]}', '{"layers":3}'])(
    "warns where somebody has written %j into the registry",
    async (text) => {
      const content = contentOf([{}]);
      for (const path of content.keys())
        expect((await toldBy({}, new Map(content).set(path, text))).told).toEqual(warned);
    },
  );

  it("warns nobody when it leads no more: the next one asks", async () => {
    await expect(toldBy({}, contentOf([{}]), { signal: AbortSignal.abort() })).rejects.toThrow();
  });
});
