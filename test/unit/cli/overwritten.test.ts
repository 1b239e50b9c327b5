import { mkdtempSync, rmSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { remove } from "../../../src/cli/remote/remove.ts";
import { copyBetween } from "../../../src/cli/remote/store.ts";
import { descriptorOf, startStandIn } from "../../support/stand-in.ts";

const manifestOf = (created: string) => {
  const content = Buffer.from(
    JSON.stringify({
      config: descriptorOf(Buffer.from("{}")),
      layers: [],
      annotations: { "org.opencontainers.image.created": created },
    }),
  );
  return { content, digest: descriptorOf(content).digest };
};
const old = manifestOf("2020-01-01T00:00:00Z");
const other = manifestOf("2021-01-01T00:00:00Z");

// Nobody's own logins are looked at.
beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), "overwritten-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  vi.stubEnv("DOCKER_CONFIG", folder);
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
});

/** A registry with one repository, a, with the tag v1. */
async function registryWith(manifest: (request: IncomingMessage) => { content: Buffer; digest: string }) {
  const deleted: string[] = [];
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    const [path = ""] = (request.url ?? "").split("?");
    if (request.method === "DELETE") deleted.push(path);
    if (path.endsWith("/tags/list")) response.end(JSON.stringify({ tags: ["v1"] }));
    else if (!path.includes("/manifests/") || request.method === "DELETE" || request.method === "PUT") {
      request.resume().on("end", () => response.writeHead(request.method === "PUT" ? 201 : 202).end());
    } else {
      const { content, digest } = manifest(request);
      response.setHeader("docker-content-digest", digest).setHeader("content-length", content.length);
      response.end(request.method === "HEAD" ? undefined : content);
    }
  };
  const { base, requests, stop } = await startStandIn(answer);
  onTestFinished(stop);
  return { name: `oci://127.0.0.1:${base.port}/a`, deleted, requests };
}

describe("rm", () => {
  it("refuses a tag beside a digest, which stands for all tags", async () => {
    const { name, requests } = await registryWith(() => old);
    const both = `${name}:v1@${old.digest}`;
    await expect(remove([`${name}:v1`, both], {}, () => undefined)).rejects.toThrow(
      `To remove the tag alone: rm ${name}:v1. To remove the artifact with all of its tags: rm ${name}@${old.digest}`,
    );
    expect(requests).toEqual([]);
  });

  it("removes what is old", async () => {
    const { name, deleted } = await registryWith(() => old);
    const said: string[] = [];
    await remove([name], { olderThan: "7d" }, (line) => said.push(line));
    expect([deleted, said]).toEqual([["/v2/a/manifests/v1"], ["Removed a:v1"]]);
  });

  it("keeps what was pushed under an old tag while the list was read", async () => {
    const { name, deleted } = await registryWith(({ method }) => (method === "HEAD" ? other : old));
    const said: string[] = [];
    await remove([name], { olderThan: "7d" }, (line) => said.push(line));
    expect([deleted, said]).toEqual([[], []]);
  });
});

it.each([
  ["says what it replaces", other, `; the tag was ${other.digest} before`],
  ["says nothing where the same is there", old, ""],
])("cp %s", async (_, before, said) => {
  const from = await registryWith(() => old);
  const to = await registryWith(() => before);
  const line = await copyBetween(`${from.name}:v1`, `${to.name}:v1`, {});
  expect(line.slice(line.indexOf("(sha256:"))).toBe(`(${old.digest})${said}`);
});
