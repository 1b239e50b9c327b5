import type { V1Pod } from "@kubernetes/client-node";
import { expect, test, vi } from "vitest";
import { createEnforcement } from "../../../src/controllers/enforcement.ts";

const pod = (uid: string, restartCount = 0): V1Pod => ({
  metadata: { name: "oras-0", uid },
  status: {
    podIP: "10.0.0.1",
    conditions: [{ type: "Ready", status: "True" }],
    containerStatuses: [{ name: "registry", restartCount, image: "", imageID: "", ready: true }],
  },
});

test("each start of a registry is asked once", async () => {
  const ask = vi.fn(async () => true);
  const look = createEnforcement(ask);
  expect(await look([pod("a")])).toEqual({});
  await look([pod("a")]);
  expect(ask).toHaveBeenCalledTimes(1);
  expect(ask).toHaveBeenCalledWith("http://10.0.0.1:5000", "oras-1");
  await look([pod("a", 1)]);
  await look([pod("b")]);
  expect(ask).toHaveBeenCalledTimes(3);
});

test("one that lets anybody in is told, as long as it runs", async () => {
  const look = createEnforcement(async () => false);
  for (const _ of [1, 2]) {
    expect((await look([pod("a")])).trouble).toMatchObject({
      reason: "AuthNotEnforced",
      message: expect.stringContaining("Pod oras-0 answers without a password"),
    });
  }
});

test("one that does not answer is asked again, and nothing is said of it", async () => {
  const ask = vi.fn(async () => undefined);
  const look = createEnforcement(ask);
  expect(await look([pod("a")])).toEqual({ againInMs: 30_000 });
  await look([pod("a")]);
  expect(ask).toHaveBeenCalledTimes(2);
});

test.each([
  ["is not ready", { ...pod("a"), status: { podIP: "10.0.0.1" } }],
  ["has no address", { ...pod("a"), status: { conditions: [{ type: "Ready", status: "True" }] } }],
  ["is being deleted", { ...pod("a"), metadata: { deletionTimestamp: new Date() } }],
])("a Pod that %s is not asked", async (_, unasked) => {
  const ask = vi.fn(async () => false);
  expect(await createEnforcement(ask)([unasked as V1Pod])).toEqual({});
  expect(ask).not.toHaveBeenCalled();
});

test("an IPv6 address stands in brackets", async () => {
  const ask = vi.fn(async () => true);
  const six = pod("a");
  await createEnforcement(ask)([{ ...six, status: { ...six.status, podIP: "fd00::1" } }]);
  expect(ask).toHaveBeenCalledWith("http://[fd00::1]:5000", "oras-1");
});
