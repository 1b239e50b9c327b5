import type { V1Pod } from "@kubernetes/client-node";
import { localCluster } from "../../dev/cluster/local.ts";
import { names } from "../../schema/names.ts";
import { signalContainer } from "../support/containers.ts";
import { kubectl } from "../support/kubectl.ts";
import { until } from "../support/wait.ts";

/** What is killed again and again. */
export interface Victim {
  readonly name: string;
  /** Kills it with SIGKILL, and waits until it, or what takes its place, is at work again. */
  readonly kill: () => Promise<void>;
}

const operator = ["--namespace", names.operatorNamespace];
const patienceMs = 400_000;

/** The Pod of the leader. */
export async function leader(): Promise<string> {
  const lease = await kubectl([
    ...operator,
    "get",
    "lease",
    names.lease,
    "-o",
    "jsonpath={.spec.holderIdentity}",
  ]);
  const [pod = ""] = lease.split("_");
  if (pod === "") throw new Error("nobody leads");
  return pod;
}

async function podsOf(namespace: string, selector: string): Promise<V1Pod[]> {
  const get = ["--namespace", namespace, "get", "pods", "-l", selector, "-o", "json"];
  return (JSON.parse(await kubectl(get)) as { items: V1Pod[] }).items;
}

/** Whether all Pods of the operator are ready, with a leader among them. */
async function operatorIsWhole(): Promise<boolean> {
  const pods = await podsOf(names.operatorNamespace, `app.kubernetes.io/name=${names.operatorName}`);
  const lead = await leader();
  return pods.every(isReady) && pods.some(({ metadata }) => metadata?.name === lead);
}

function isReady({ status }: V1Pod): boolean {
  return status?.conditions?.some((each) => each.type === "Ready" && each.status === "True") ?? false;
}

/** Kills a container, and waits until it has been started again and its Pod is ready. */
async function killContainer(namespace: string, pod: string, container: string): Promise<void> {
  const look = async () => {
    const found = JSON.parse(
      await kubectl(["--namespace", namespace, "get", "pod", pod, "-o", "json"]),
    ) as V1Pod;
    const status = found.status?.containerStatuses?.find(({ name }) => name === container);
    return { id: status?.containerID, isReady: isReady(found) };
  };
  const { id } = await look();
  await signalContainer({ namespace, pod, container }, "SIGKILL");
  await until(
    async () => {
      const now = await look();
      return now.id !== id && now.isReady;
    },
    `${container} of ${pod} to be back`,
    patienceMs,
  );
}

async function killOperator(which: (pod: string, leads: boolean) => boolean): Promise<void> {
  const lead = await leader();
  const pods = await podsOf(names.operatorNamespace, `app.kubernetes.io/name=${names.operatorName}`);
  const pod = pods.find(({ metadata }) => which(metadata?.name ?? "", metadata?.name === lead));
  if (pod === undefined) throw new Error("no such replica of the operator");
  const [container] = pod.spec?.containers ?? [];
  await killContainer(names.operatorNamespace, pod.metadata?.name ?? "", container?.name ?? "");
  await until(operatorIsWhole, "a leader, and every replica ready", patienceMs);
}

/** Kills the leader with its Pod: a container that is killed often is started again later and later. */
async function killLeadersPod(): Promise<void> {
  const pod = await leader();
  const container = await kubectl([
    ...operator,
    "get",
    "pod",
    pod,
    "-o",
    "jsonpath={.spec.containers[0].name}",
  ]);
  // First, or it would be asked to end, and give the Lease up.
  await signalContainer({ namespace: names.operatorNamespace, pod, container }, "SIGKILL");
  await kubectl([...operator, "delete", "pod", pod, "--grace-period=0", "--force"]);
  await until(operatorIsWhole, "another leader, and every replica ready", patienceMs);
}

const machine = (name: string, process: string): Victim => ({
  name,
  kill: async () => {
    if (!localCluster.restart) throw new Error("the cluster cannot restart its processes");
    await localCluster.restart(process);
  },
});

/** All of them, for the cache of a namespace. */
export function victims(namespace: string, cache: string): readonly Victim[] {
  const registry = `${cache}-0`;
  return [
    { name: "leader", kill: () => killOperator((_, leads) => leads) },
    { name: "leader's Pod", kill: killLeadersPod },
    { name: "webhook replica", kill: () => killOperator((_, leads) => !leads) },
    { name: "registry", kill: () => killContainer(namespace, registry, names.registryContainer) },
    {
      name: "registry's Pod",
      kill: async () => {
        const within = ["--namespace", namespace];
        const uid = () => kubectl([...within, "get", "pod", registry, "-o", "jsonpath={.metadata.uid}"]);
        const before = await uid();
        await kubectl([...within, "delete", "pod", registry, "--grace-period=0", "--force"]);
        await until(async () => (await uid()) !== before, "another Pod of the registry", patienceMs);
        await kubectl([...within, "wait", `pod/${registry}`, "--for=condition=Ready", "--timeout=300s"]);
      },
    },
    { name: "keeper", kill: () => killContainer(namespace, registry, names.keeperContainer) },
    machine("API server", "kube-apiserver"),
    machine("etcd", "etcd"),
    machine("kubelet", "kubelet"),
  ];
}
