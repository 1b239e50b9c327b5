import { expect, it, vi } from "vitest";
import { heldManifest } from "../../../src/cli/remote/transfer.ts";
import { descriptorOf } from "../../support/stand-in.ts";

const layer = descriptorOf(Buffer.from("x"));

function manifestOf(padding: number) {
  const bytes = Buffer.from(JSON.stringify({ layers: [layer], padding: " ".repeat(padding) }));
  return { ...descriptorOf(bytes), bytes };
}

it.each([
  ["an ordinary", 10, 0],
  // As long as registries take: a thousand of them are 4 GiB.
  ["a huge", 4_000_000, 1],
])("%s manifest (%j characters more) is read again %j times", async (_, padding, times) => {
  const manifest = manifestOf(padding);
  const again = vi.fn(async () => manifest);
  const held = heldManifest(manifest, "a:1", again);
  expect(held).toMatchObject({ shown: "a:1", digest: manifest.digest, bytes: 1 });
  expect(Object.values(held)).not.toContain(manifest);
  expect(await held.read()).toBe(manifest);
  expect(again).toHaveBeenCalledTimes(times);
});

it("a manifest that cannot be understood is told when it is copied", () => {
  const bytes = Buffer.from("[");
  const raw = { ...descriptorOf(bytes), bytes };
  expect(heldManifest(raw, "a:1", async () => raw).bytes).toBe(0);
});
