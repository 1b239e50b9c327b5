import { writeFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { renew } from "../../src/certificates/renew.ts";
import { createLookup } from "../../src/registry/lookup.ts";
import { fetchProgram } from "../../src/registry/program.ts";
import { parseImage } from "../../src/registry/reference.ts";
import { start, startRegistry, type TestRegistry, temporaryFolder, toolsTree } from "../support/sidecar.ts";

let registry: TestRegistry;
let ca: string;
let pair: { cert: string; key: string };
const signal = AbortSignal.timeout(60_000);
/** The certificate is for this name; the address is its. */
const host = () => registry.host.replace("127.0.0.1", "localhost");

beforeAll(async () => {
  const tools = await toolsTree();
  const folder = temporaryFolder("images");
  const data = await renew("everything", undefined, ["localhost"], new Date());
  ca = data.authorities.join("\n");
  pair = { cert: data.certificate, key: data.key };
  const [certificate, key] = [join(folder, "tls.crt"), join(folder, "tls.key")];
  writeFileSync(certificate, data.certificate);
  writeFileSync(key, data.key);
  writeFileSync(join(folder, "ca.crt"), ca);
  registry = await startRegistry({ tls: { certificate, key } });

  const oras = async (...args: string[]) => {
    const env = { ...tools.environment, HOME: "/nonexistent" };
    const { code, stderr } = await start(
      ["oras", ...args, "--plain-http=false", "--ca-file", join(folder, "ca.crt")],
      {
        cwd: folder,
        env,
      },
    ).ended;
    expect(code, stderr).toBe(0);
  };
  const image = async (tag: string, platform: object, config: object) => {
    writeFileSync(join(folder, "config.json"), JSON.stringify({ ...platform, config }));
    const type = "application/vnd.oci.image.config.v1+json";
    await oras("push", `${host()}/a/app:${tag}`, "--config", `config.json:${type}`, "--image-spec", "v1.0");
  };
  await image("arm64", { os: "linux", architecture: "arm64" }, { Entrypoint: ["/arm"] });
  await image(
    "amd64",
    { os: "linux", architecture: "amd64" },
    { Entrypoint: ["/bin/app", "-v"], Cmd: ["x"] },
  );
  await image("empty", { os: "linux", architecture: "amd64" }, {});
  await oras("manifest", "index", "create", `${host()}/a/app:1`, "arm64", "amd64");
}, 900_000);
afterAll(() => registry.stop());

const program = (image: string, architecture = "amd64") => fetchProgram(image, architecture, { ca, signal });

describe("what an image runs", () => {
  it("is in its configuration, for the architecture that the Pod asks for", async () => {
    expect(await program(`${host()}/a/app:1`)).toEqual({ entrypoint: ["/bin/app", "-v"], cmd: ["x"] });
    expect(await program(`${host()}/a/app:1`, "arm64")).toEqual({ entrypoint: ["/arm"], cmd: [] });
    expect(await program(`${host()}/a/app:empty`)).toEqual({ entrypoint: [], cmd: [] });
  });

  it("needs a token of some registries, which is shown to them alone", async () => {
    const seen: (string | undefined)[] = [];
    const server = createServer(pair, (request, response) => {
      const url = new URL(request.url ?? "", `https://localhost`);
      const json = (body: object) => response.end(JSON.stringify(body));
      if (url.pathname === "/token") return json({ token: `for-${url.searchParams.get("scope")}` });
      seen.push(request.headers.authorization);
      const realm = `https://localhost:${(server.address() as AddressInfo).port}/token`;
      if (request.headers.authorization === undefined) {
        response.writeHead(401, { "www-authenticate": `Bearer realm="${realm}",service="s",scope="pull"` });
        return response.end();
      }
      if (url.pathname.includes("/manifests/")) return json({ config: { digest: "sha256:abc" } });
      // Blobs lie elsewhere: at the other registry, which must not see the token.
      response.writeHead(307, { location: `https://${host()}/v2/` });
      return response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, resolve));
    const { port } = server.address() as AddressInfo;
    expect(await program(`localhost:${port}/private/app:1`)).toEqual({ entrypoint: [], cmd: [] });
    expect(seen).toEqual([undefined, "Bearer for-pull", "Bearer for-pull"]);
    server.close();
  });

  it("is remembered, and what cannot be known is said in words", async () => {
    const lookup = createLookup({ ca });
    const image = `${host()}/a/app:amd64`;
    expect(lookup(image, "amd64")).toBe(lookup(image, "amd64"));
    expect(await lookup(image, "amd64")).toEqual({ program: { entrypoint: ["/bin/app", "-v"], cmd: ["x"] } });
    expect(await lookup(`${host()}/a/app:none`, "amd64")).toEqual({
      unknown: `${host()} answers with status 404`,
    });
    expect(await createLookup()(image, "amd64")).toEqual({ unknown: expect.stringContaining("certificate") });
    expect(await lookup("localhost:1/a/b:c", "amd64")).toEqual({
      unknown: expect.stringContaining("ECONNREFUSED"),
    });
  });
});

describe("names of images", () => {
  it.each([
    ["busybox", "registry-1.docker.io", "library/busybox", "latest"],
    ["perl:5.34.0", "registry-1.docker.io", "library/perl", "5.34.0"],
    ["docker.io/bitnami/git", "registry-1.docker.io", "bitnami/git", "latest"],
    ["ghcr.io/a/b/c:1", "ghcr.io", "a/b/c", "1"],
    ["ghcr.io/a@sha256:abc", "ghcr.io", "a", "sha256:abc"],
    ["@".repeat(200_000), "registry-1.docker.io", "library/", "@".repeat(199_999)],
    ["localhost:5000/a", "localhost:5000", "a", "latest"],
    ["host.example/a:tag@sha256:abc", "host.example", "a", "sha256:abc"],
  ])("%s", (image, hostName, repository, version) => {
    expect(parseImage(image)).toEqual({ host: hostName, repository, version });
  });
});
