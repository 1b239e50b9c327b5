import { expect, it } from "vitest";
import { mediaTypeOf, readManifest, referencesOf } from "../../../../src/cli/artifacts/manifest.ts";
import { CliError } from "../../../../src/cli/output.ts";
import { descriptorOf } from "../../../support/stand-in.ts";

const blob = descriptorOf(Buffer.from("x"));

function references(content: unknown) {
  const bytes = Buffer.from(typeof content === "string" ? content : JSON.stringify(content));
  return referencesOf({ mediaType: "", digest: "", size: bytes.length, bytes }, "a:v1");
}

// A backup goes on with the other artifacts after a CliError alone.
it.each([
  "no JSON",
  "[",
  '"text"',
  "null",
  { layers: [null] },
  { layers: null, config: 7 },
  { layers: "text" },
  { layers: [[blob]] },
  { layers: [{ ...blob, size: -1 }] },
  { layers: [{ ...blob, size: "1" }] },
  { layers: [{ ...blob, digest: 7 }] },
  { layers: [{ ...blob, digest: [blob.digest] }] },
  { layers: [{ ...blob, digest: "sha256:../../etc/passwd" }] },
  { manifests: [null] },
  { manifests: "text" },
  { manifests: { 0: blob } },
])("of the manifest %j nothing is copied", (content) => {
  expect(() => references(content)).toThrow(CliError);
});

it("what a manifest names is copied once", () => {
  expect(references({ config: blob, layers: [blob, blob] })).toEqual({ blobs: [blob], manifests: [] });
  expect(references({ manifests: [blob] })).toEqual({ blobs: [], manifests: [blob] });
});

it.each([
  [{ mediaType: "a/b" }, "a/b"],
  [{ layers: [] }, "application/vnd.oci.image.manifest.v1+json"],
  [{ manifests: [] }, "application/vnd.oci.image.index.v1+json"],
  [{ mediaType: 7, manifests: null }, "application/vnd.oci.image.manifest.v1+json"],
])("the type of the manifest %j is %s", (content, type) => {
  expect(mediaTypeOf(Buffer.from(JSON.stringify(content)))).toBe(type);
});

const title = "org.opencontainers.image.title";
// As a mistake of the program it would end the list of all others, and diff with the code of "they differ".
it.each([
  { layers: null },
  { layers: "text" },
  { layers: { 0: blob } },
  { layers: [null, 7, "text", [blob]] },
  { layers: [{ ...blob, annotations: { [title]: 7 } }] },
  { layers: [{ ...blob, annotations: "text" }] },
  { layers: [{ ...blob, size: "1" }], annotations: "text" },
  { manifests: "text" },
  { manifests: [null, { size: "1" }] },
])("the manifest %j has no files", (content) => {
  const bytes = Buffer.from(JSON.stringify(content));
  const read = readManifest({ mediaType: "", digest: "", size: bytes.length, bytes }, "a:v1");
  expect(read).toMatchObject({ parts: [], bytes: expect.any(Number) });
});
