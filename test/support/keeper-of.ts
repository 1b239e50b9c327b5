import type { V1Secret } from "@kubernetes/client-node";
import { onTestFinished } from "vitest";
import { names } from "../../schema/names.ts";
import { cacheKey, keeperToken } from "../../src/cache/access.ts";
import { askKeeper, keeperAt } from "../../src/keeper/ask.ts";
import { kubectl } from "./kubectl.ts";
import { portForward, type Workspace } from "./workspace.ts";

/** What the operator says to the keeper of a cache. */
export async function keeperOf(ws: Workspace, name: string) {
  const get = ["--namespace", names.operatorNamespace, "get", "secret", names.cacheKeySecret, "-o", "json"];
  const { data } = JSON.parse(await kubectl(get)) as V1Secret;
  const operatorKey = Buffer.from(data?.["key"] ?? "", "base64").toString();
  const token = keeperToken(cacheKey(operatorKey, { name, namespace: ws.namespace }));
  const forward = await portForward(ws.namespace, `${name}-0`, names.keeperPort);
  onTestFinished(forward.stop);
  const signal = new AbortController().signal;
  return (method: "GET" | "POST", path: string, body?: unknown) =>
    askKeeper(keeperAt({ host: forward.address }, token), { method, path, body, mostBytes: 2 ** 20, signal });
}
