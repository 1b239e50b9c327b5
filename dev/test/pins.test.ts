import { expect, test } from "vitest";
import { names } from "../../schema/names.ts";
import { pinnedRegistry, readPins } from "../release/pins.ts";

const pins = await readPins();
const digest = `sha256:${"0".repeat(64)}`;

test("what is pinned is the image that registries run", () => {
  expect(pins.registry.name).toBe(names.registryImage);
  expect(pins.registry.digest).toMatch(/^(sha256:[0-9a-f]{64})?$/);
});

test("the digest of the image that registries run, or none; never that of another version", () => {
  const pinned = (name: string, of: string) => [
    ...pinnedRegistry({ ...pins, registry: { name, digest: of } }, "a:2"),
  ];
  expect(pinned("a:2", digest)).toEqual([["a:2", digest]]);
  expect(pinned("a:2", "")).toEqual([]);
  expect(() => pinned("a:1", digest)).toThrow("pins a:1, but registries run a:2: run node dev/pin.ts");
});
