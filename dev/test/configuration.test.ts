import { glob, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import {
  containerdConfiguration,
  kubeconfig,
  kubeletConfiguration,
  podNetwork,
  pointedAt,
} from "../cluster/configuration.ts";
import { missingPackages, packages } from "../cluster/packages.ts";
import { repository, stateFolder } from "../cluster/paths.ts";
import { contentKey } from "../images/archives.ts";
import { standIns } from "../images/catalog.ts";
import { bases } from "../images/dockerfile.ts";

describe("configuration", () => {
  it("puts a kubeconfig's certificates into the file itself", () => {
    const user = { certificate: "CERTIFICATE", key: "KEY" };
    const config = parse(kubeconfig("name", "https://192.0.2.1:6443", "CA", user));
    expect(config["current-context"]).toBe("name");
    expect(atob(config.clusters[0].cluster["certificate-authority-data"])).toBe("CA");
    expect(atob(config.users[0].user["client-key-data"])).toBe("KEY");
  });

  it("reaches an API server by another address with the same certificates", () => {
    const user = { certificate: "CERTIFICATE", key: "KEY" };
    const of = (server: string) => kubeconfig("name", server, "CA", user);
    expect(pointedAt(of("https://192.0.2.1:6443"), "https://127.0.0.1:1")).toBe(of("https://127.0.0.1:1"));
  });

  it("runs the kubelet on cgroup v1 and with swap", () => {
    const config = parse(kubeletConfiguration((name) => `/certificates/${name}`));
    expect(config).toMatchObject({ failCgroupV1: false, failSwapOn: false });
    expect(config.authentication.x509.clientCAFile).toBe("/certificates/ca.crt");
  });

  it("keeps all that containerd and the Pod network write in the state folder", () => {
    const paths =
      containerdConfiguration().match(/^(root|state|conf_dir|config_path|address) = "(.*)"$/gm) ?? [];
    expect(paths).toHaveLength(5);
    for (const path of paths) expect(path).toContain(stateFolder);
    expect(JSON.parse(podNetwork()).plugins[0].ipam.dataDir).toContain(stateFolder);
  });
});

describe("packages", () => {
  it("that are missing are named", () => {
    expect(missingPackages(packages.cluster, () => false)).toContain("runc");
    expect(missingPackages(packages.cluster, () => true)).toEqual([]);
    expect(missingPackages(packages.images, (file) => !file.endsWith("buildah"))).toEqual(["buildah"]);
  });
});

describe("images", () => {
  it("have a new key when anything they depend on changes", () => {
    expect(contentKey(["a", { b: 1 }])).toBe(contentKey(["a", { b: 1 }]));
    expect(contentKey(["a", { b: 1 }])).not.toBe(contentKey(["a", { b: 2 }]));
  });

  it("are named by their full names, each once", async () => {
    const names = (await standIns()).flatMap((image) => image.names);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^[a-z0-9.]+\.[a-z]+\/.+:[^/]+$/);
  });

  it("use the oras CLI that the local cluster has", async () => {
    const dockerfile = await readFile(join(repository, "Dockerfile"), "utf8");
    const [, image = "none"] = /^ARG ORAS_IMAGE=(.*)$/m.exec(dockerfile) ?? [];
    expect((await standIns()).flatMap((standIn) => standIn.names)).toContain(image);
  });

  it("compile the agent with the Go that its go.mod names", async () => {
    const dockerfile = await readFile(join(repository, "Dockerfile"), "utf8");
    const [, compiler] = /^ARG GO_IMAGE=.*\/golang:(\d+\.\d+)-/m.exec(dockerfile) ?? [];
    const [, wanted] = /^go (\d+\.\d+)/m.exec(await readFile(join(repository, "agent/go.mod"), "utf8")) ?? [];
    expect(compiler).toBe(wanted);
  });

  it("take a base for every stage of the Dockerfile, so that none is looked up in a registry", async () => {
    const dockerfile = await readFile(join(repository, "Dockerfile"), "utf8");
    const named = [...dockerfile.matchAll(/^ARG (\w+)=\S+[/:]/gm)].map(([, name]) => name);
    expect(Object.keys(bases).toSorted()).toEqual(named.toSorted());
  });

  it("include every image of the examples", async () => {
    const names = (await standIns()).flatMap((image) => image.names);
    for await (const file of glob("examples/tests/**/*.yaml", { cwd: repository })) {
      const text = await readFile(join(repository, file), "utf8");
      for (const [, image] of text.matchAll(/^\s*(?:- )?image: (\S+)$/gm)) {
        expect(names, file).toContain(`docker.io/library/${image}`);
      }
    }
  });
});
