import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { corefile } from "../cluster/configuration.ts";
import { programName, readGoModule, versionFlags } from "../cluster/modules.ts";

describe("go.mod", () => {
  it("gives the tools, and the version of the module that holds them", () => {
    const text = `module example

go 1.26.0

tool (
\texample.org/big/cmd/one // the first
\texample.org/big/cmd/two
)

require (
\texample.org/big v1.2.3 // indirect
\texample.org/bigger v9.9.9 // indirect
)
`;
    expect(readGoModule(text, "go.mod")).toEqual({
      packages: ["example.org/big/cmd/one", "example.org/big/cmd/two"],
      version: "v1.2.3",
    });
  });

  it("takes the module with the longest path", () => {
    const text =
      "module m\ntool example.org/big/server/v3\nrequire example.org/big v1.0.0\nrequire example.org/big/server/v3 v3.7.3\n";
    expect(readGoModule(text, "go.mod").version).toBe("v3.7.3");
  });

  it("without a tool stands for its own main package, in the version of what it requires directly", () => {
    const text = `module example.org/local/dns

require example.org/dns v1.15.0

require (
\texample.org/a v0.1.0 // indirect
)
`;
    expect(readGoModule(text, "go.mod")).toEqual({
      packages: ["example.org/local/dns"],
      version: "v1.15.0",
    });
  });

  it("is refused without a tool and a direct requirement, or without the tool's module", () => {
    expect(() => readGoModule("module example\n", "x/go.mod")).toThrow("x/go.mod has no tool line");
    expect(() =>
      readGoModule("module example\nrequire example.org/a v1.0.0 // indirect\n", "x/go.mod"),
    ).toThrow("x/go.mod has no tool line");
    expect(() => readGoModule("module example\ntool example.org/a/b\n", "x/go.mod")).toThrow(
      "go get -tool example.org/a/b",
    );
  });

  it("of every folder can be read", async () => {
    const folder = join(import.meta.dirname, "../cluster/modules");
    for (const name of await readdir(folder)) {
      const { packages, version } = readGoModule(await readFile(join(folder, name, "go.mod"), "utf8"), name);
      expect(packages.length, name).toBeGreaterThan(0);
      expect(version, name).toMatch(/^v\d+\.\d+\.\d+/);
    }
  });
});

describe("CoreDNS", () => {
  it("has the plugins that its configuration names", async () => {
    const main = await readFile(join(import.meta.dirname, "../cluster/modules/coredns/main.go"), "utf8");
    const built = [...main.matchAll(/coredns\/plugin\/(\w+)"/g)].map(([, plugin]) => plugin);
    const used = [...corefile("/kubeconfig").matchAll(/^ {4}(\w+)/gm)].map(([, plugin]) => plugin);
    expect(built.toSorted()).toEqual(used.toSorted());
  });
});

describe("programs", () => {
  it("are named as Go names them", () => {
    expect(programName("k8s.io/kubernetes/cmd/kubelet")).toBe("kubelet");
    expect(programName("go.etcd.io/etcd/server/v3")).toBe("server");
    expect(programName("github.com/containerd/containerd/v2/cmd/ctr")).toBe("ctr");
  });

  it("know their version", () => {
    expect(versionFlags("kubernetes", "v1.36.3")).toContain(
      "k8s.io/component-base/version.gitVersion=v1.36.3",
    );
    expect(versionFlags("kubernetes-1.30", "v1.30.14")).toContain("version.gitMinor=30 ");
    expect(versionFlags("oras", "v1.3.6")).toContain("version.Version=1.3.6");
    expect(versionFlags("etcd", "v3.7.3")).toBe("-s -w");
  });
});
