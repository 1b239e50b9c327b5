import { describe, expect, it } from "vitest";
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
      tools: ["example.org/big/cmd/one", "example.org/big/cmd/two"],
      version: "v1.2.3",
    });
  });

  it("takes the module with the longest path", () => {
    const text =
      "tool example.org/big/server/v3\nrequire example.org/big v1.0.0\nrequire example.org/big/server/v3 v3.7.3\n";
    expect(readGoModule(text, "go.mod").version).toBe("v3.7.3");
  });

  it("is refused without a tool, or without the tool's module", () => {
    expect(() => readGoModule("module example\n", "x/go.mod")).toThrow("x/go.mod has no tool line");
    expect(() => readGoModule("tool example.org/a/b\n", "x/go.mod")).toThrow("go get -tool example.org/a/b");
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
    expect(versionFlags("oras", "v1.3.6")).toContain("version.Version=1.3.6");
    expect(versionFlags("etcd", "v3.7.3")).toBe("-s -w");
  });
});
