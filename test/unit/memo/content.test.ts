import { describe, expect, it } from "vitest";
import { names } from "../../../schema/names.ts";
import { filesOf, partsOf } from "../../../src/memo/content.ts";

const digest = (digit: string) => `sha256:${digit.repeat(64)}`;
const title = "org.opencontainers.image.title";
const layer = (annotations: object = {}, more: object = {}) => ({
  ...{ mediaType: "application/vnd.oci.image.layer.v1.tar", digest: digest("a"), size: 5 },
  annotations: { [title]: "f", ...annotations },
  ...more,
});
const manifest = (...layers: object[]) => ({ schemaVersion: 2, mediaType: "m", layers });
const read = (value: unknown) => filesOf(Buffer.from(JSON.stringify(value)));
const base = read(manifest(layer()));

describe("files of an artifact", () => {
  it.each<[string, object]>([
    [
      "its annotations",
      { ...manifest(layer()), annotations: { "org.opencontainers.image.created": "2026" } },
    ],
    ["what it is about", { ...manifest(layer()), subject: { digest: digest("b") } }],
    ["when a file was made", manifest(layer({ "org.opencontainers.image.created": "2026" }))],
  ])("do not depend on %s", (_, other) => {
    expect(read(other)).toEqual(base);
  });

  it.each<[string, object]>([
    ["a name", manifest(layer({ [title]: "g" }))],
    ["bytes", manifest(layer({}, { digest: digest("c") }))],
    ["a mode", manifest(layer({ [`${names.prefix}mode`]: "0755" }))],
    ["a mark to unpack", manifest(layer({ "io.deis.oras.content.unpack": "true" }))],
    ["another mark to unpack", manifest(layer({ "io.deis.oras.content.unpack": "True" }))],
    ["what is in it", manifest(layer({ "io.deis.oras.content.digest": digest("d") }))],
    ["a type", manifest(layer({}, { mediaType: "application/vnd.oci.image.layer.v1.tar+gzip" }))],
    ["the type of the artifact", { ...manifest(layer()), artifactType: "x" }],
    ["the type of its configuration", { ...manifest(layer()), config: { mediaType: "x" } }],
    ["a file more", manifest(layer(), layer({ [title]: "g" }))],
    ["no file", manifest()],
  ])("depend on %s", (_, other) => {
    expect(read(other)).not.toEqual(base);
  });

  it.each([undefined, null, 3, "x", {}, { manifests: [] }, { layers: {} }])(
    "are not known of %j",
    (value) => {
      expect(filesOf(Buffer.from(JSON.stringify(value) ?? "{"))).toBeUndefined();
    },
  );
});

describe("parts of an index", () => {
  const parts = (value: unknown) => partsOf(Buffer.from(JSON.stringify(value) ?? "{"));

  it("are what it lists, in order, also twice", () => {
    const listed = ["b", "a", "b"].map(digest);
    expect(parts({ schemaVersion: 2, manifests: listed.map((one) => ({ digest: one, size: 1 })) })).toEqual(
      listed,
    );
  });

  it.each([
    ...[undefined, null, 3, {}, { manifests: {} }, { manifests: [], layers: [] }],
    ...[{ manifests: [null] }, { manifests: [{ digest: 3 }] }, { manifests: [{ digest: "sha256:../x" }] }],
  ])("are not known of %j", (value) => {
    expect(parts(value)).toBeUndefined();
  });
});
