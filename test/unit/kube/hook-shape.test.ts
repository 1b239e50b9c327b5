import { afterEach, describe, expect, it } from "vitest";
import { readFeatures } from "../../../src/kube/features.ts";
import { type Kubelet, neededGates, whyNoHooks } from "../../../src/kube/hook-shape.ts";
import { type ScriptedServer, startScriptedServer } from "../../support/api-server.ts";

const on = new Map(neededGates.map((name) => [name, true] as const));
const kubelets = (...versions: string[]): Kubelet[] =>
  versions.map((version, i) => ({ node: `n${i}`, version, os: "linux" }));

describe("Pods may have no init container", () => {
  it.each(["v1.35.0", "v1.36.3", "v1.35.1-gke.1234", "v1.40.0+k3s1", "v2.0.0", "1.35.0"])(
    "where a kubelet is %s",
    (version) => {
      expect(whyNoHooks(on, kubelets("v1.36.0", version))).toBe(undefined);
    },
  );

  it("whatever runs on nodes of Windows", () => {
    const windows = { node: "w", version: "v1.30.0", os: "windows" };
    expect(whyNoHooks(on, [...kubelets("v1.36.0"), windows])).toBe(undefined);
    expect(whyNoHooks(on, [windows])).toBe("there is no Linux node yet");
  });
});

describe("Pods get an init container", () => {
  it.each<[string, string]>([
    ["v1.34.9", "is v1.34.9"],
    ["v1.9.0", "is v1.9.0"],
    ["v0.40.0", "is v0.40.0"],
    ["", "is of an unknown version"],
    ["devel", "is devel"],
  ])("where a kubelet is %j", (version, words) => {
    expect(whyNoHooks(on, kubelets("v1.36.0", version, "v1.1.0"))).toBe(`the kubelet of node n1 ${words}`);
  });

  it.each<[string, Map<string, boolean> | string, string]>([
    [
      "off",
      new Map([...on, ["EnvFiles", false]]),
      "the API server has switched off the feature gate EnvFiles",
    ],
    ["unknown", new Map(), "the API server does not know the feature gate EnvFiles"],
    ["unread", "cannot be read: 403", "the API server's feature gates cannot be read: 403"],
  ])("where a feature gate is %s", (_, gates, words) => {
    expect(whyNoHooks(gates, kubelets("v1.36.0"))).toBe(words);
  });

  it("where nodes cannot be seen, or are not there", () => {
    expect(whyNoHooks(on, "cannot be listed: 403")).toBe("the nodes cannot be listed: 403");
    expect(whyNoHooks(on, [])).toBe("there is no Linux node yet");
  });
});

describe("feature gates of the API server", () => {
  let server: ScriptedServer | undefined;
  afterEach(() => server?.close());

  it("are read from its metrics, whatever else is there", async () => {
    server = await startScriptedServer((url, response) => {
      expect(url.pathname).toBe("/prefix/metrics");
      response.end(
        [
          "# HELP kubernetes_feature_enabled [BETA] This metric records the data about the stage and enablement of a k8s feature.",
          'kubernetes_feature_enabled{name="AllAlpha",stage="ALPHA"} 0',
          'kubernetes_feature_enabled{name="EnvFiles",stage="BETA"} 1',
          'kubernetes_feature_enabled{stage="",name="ContainerRestartRules"} 0',
          'apiserver_request_total{name="EnvFiles"} 7',
          'kubernetes_feature_enabled{name="EnvFilesToo",stage="BETA"} 1',
        ].join("\n"),
      );
    });
    const wanted = ["EnvFiles", "ContainerRestartRules", "NotThere"];
    const found = await readFeatures(server.client, wanted, new AbortController().signal);
    expect([...found]).toEqual([
      ["EnvFiles", true],
      ["ContainerRestartRules", false],
    ]);
  });

  it("are not known where they are forbidden", async () => {
    server = await startScriptedServer((_url, response) => response.writeHead(403).end("{}"));
    const read = readFeatures(server.client, neededGates, new AbortController().signal);
    await expect(read).rejects.toMatchObject({ status: 403 });
  });
});
