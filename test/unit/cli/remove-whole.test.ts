import { expect, it } from "vitest";
import type { Session } from "../../../src/cli/remote/session.ts";
import { removeWhole } from "../../../src/cli/steps/remove-whole.ts";
import type { KubeClient } from "../../../src/kube/client.ts";
import { KubeError } from "../../../src/kube/errors.ts";
import { resources } from "../../../src/kube/resources.ts";

const step = {
  id: "job/one",
  resource: resources.jobs,
  object: { metadata: { name: "one", namespace: "work", uid: "old" } },
};
/** An API server that answers a DELETE so, and has this object. */
const sessionOf = (status: number, uid: string | undefined) => {
  const request: KubeClient["request"] = ({ method = "GET" }) => {
    if (method === "DELETE") return Promise.reject(new KubeError("DELETE", status, {}));
    if (uid === undefined) return Promise.reject(new KubeError("GET", 404, {}));
    return Promise.resolve({ metadata: { uid } } as never);
  };
  return { client: { request }, namespace: "work" } as unknown as Session;
};

it.each<[string, number, string | undefined]>([
  ["is gone, as its TTL was over", 404, undefined],
  ["has been made again by somebody else", 409, "new"],
])(
  "a step that %s is removed already: those that were deleted before it are made again",
  async (_, status, uid) => {
    await expect(removeWhole(sessionOf(status, uid), step)).resolves.toBeUndefined();
  },
);

it("a right that is missing is told", async () => {
  await expect(removeWhole(sessionOf(403, "old"), step)).rejects.toThrow("no right to delete");
});
