import { expect, it, onTestFinished } from "vitest";
import { copyArtifact } from "../../../../src/cli/artifacts/copy.ts";
import { descriptorOf, startStandIn } from "../../../support/stand-in.ts";

const indexType = "application/vnd.oci.image.index.v1+json";

/** An index that names the one below it several times, and so on; the last has no parts. */
function nested(levels: number, times: number): Map<string, Buffer> {
  const all = new Map<string, Buffer>();
  let manifests: unknown[] = [];
  for (let level = 0; level <= levels; level++) {
    const content = Buffer.from(JSON.stringify({ mediaType: indexType, level, manifests }));
    const { digest, size } = descriptorOf(content);
    all.set(digest, content);
    manifests = Array.from({ length: times }, () => ({ mediaType: indexType, digest, size }));
  }
  return all;
}

it("reads and writes each manifest once, however often it is named", async () => {
  const all = nested(6, 3);
  const pushed: string[] = [];
  const from = await startStandIn(({ url = "" }, response) => {
    response.end(all.get(url.slice(url.lastIndexOf("/") + 1)));
  });
  const to = await startStandIn((request, response) => {
    pushed.push((request.url ?? "").split("/").at(-1) ?? "");
    request.resume().on("end", () => response.writeHead(201).end());
  });
  onTestFinished(from.stop);
  onTestFinished(to.stop);
  const digests = [...all.keys()];
  const top = await from.registry.manifest("a", digests.at(-1) ?? "");
  const place = { repository: "a" };
  const names = { reference: "v1", shown: "a:v1" };
  await copyArtifact({ ...from, ...place }, { ...to, ...place }, top, names, {});
  expect(from.requests).toHaveLength(all.size);
  // What is named is there before what names it.
  expect(pushed).toEqual([...digests.slice(0, -1), "v1"]);
});
