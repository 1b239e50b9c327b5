import { describe, expect } from "vitest";
import { exitCodes } from "../../schema/exit-codes.ts";
import { names } from "../../schema/names.ts";
import { cacheOf, endOf, jobOf, podOf, pullerOf } from "../support/builders.ts";
import { it as base } from "../support/e2e.ts";
import { until } from "../support/wait.ts";
import { portForward, workspace } from "../support/workspace.ts";

const closed = { auth: { type: "htpasswd" } } as const;

interface Seen {
  readonly status: { readonly credentialsSecret: string };
}
const it = base
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from it which fixtures are needed
  .extend("locked", { scope: "file" }, async ({}, { onCleanup }) => {
    const locked = await workspace({}, closed);
    onCleanup(locked.remove);
    return locked;
  });

describe.concurrent("a registry with a password", () => {
  it("is ready, refuses who has none or a wrong one, and keeps its own out of its log", async ({
    locked,
  }) => {
    await locked.kubectl("wait", `${names.plural}/oras`, "--for=condition=Ready", "--timeout=60s");
    const anonymous = await locked.oras(
      "repo",
      "ls",
      "--plain-http",
      "{registry}",
      "--registry-config",
      "/dev/null",
    );
    expect(anonymous.stderr).toContain("basic credential not found");
    const wrong = ["--username", names.kind, "--password", "wrong"];
    expect((await locked.oras("repo", "ls", "--plain-http", "{registry}", ...wrong)).stderr).toContain(
      "unauthorized",
    );
    expect((await locked.oras("repo", "ls", "--plain-http", "{registry}")).code).toBe(0);
    const log = await locked.log("oras-0");
    expect(log).not.toContain("provisioning with default user");
    const { status } = JSON.parse(await locked.kubectl("get", names.plural, "oras", "-o", "json"));
    const secret = JSON.parse(await locked.kubectl("get", "secret", status.credentialsSecret, "-o", "json"));
    expect(log).not.toContain(Buffer.from(secret.data.password, "base64").toString());
  });

  it("is used by steps that say nothing of it", async ({ locked }) => {
    await locked.apply(jobOf("maker", { "output-uri": "a/b:1", "output-path": "out" }, "echo made > out"));
    expect(await locked.verdict("maker")).toBe("Complete");
    await locked.apply(jobOf("user", { "input-uri": "a/b:1", "input-path": "/tmp/in" }, "cat /tmp/in/out"));
    expect(await locked.verdict("user")).toBe("Complete");
    expect(await locked.log((await locked.podOf("user")).metadata?.name ?? "", "main")).toBe("made\n");
    expect(await locked.content("a/b:1", "out")).toBe("made\n");
  });

  // The kubelet shows an optional Secret that was made later after a minute or so.
  it("is waited for by a step that is there before it, and so is its Secret", async ({ locked }) => {
    await locked.apply(
      podOf(
        "early",
        { "oras-cache": "later", "output-uri": "a/b:1", "output-path": "out" },
        "echo early > out",
      ),
    );
    const puller = pullerOf(await locked.pod("early"));
    const waits = async () => (await locked.log("early", puller)).includes("trying again for up to");
    await until(waits, "the step to wait");
    await locked.apply(cacheOf("later", closed));
    const end = await locked.succeeded("early");
    expect(endOf(end, names.pushContainer)?.exitCode).toBe(0);
  });

  it("is used by a Pod without annotations that mounts the Secret", async ({ locked }) => {
    await locked.step("plain-maker", { "output-uri": "a/plain:1", "output-path": "f" }, "echo x > f");
    const { status } = JSON.parse(await locked.kubectl("get", names.plural, "oras", "-o", "json")) as Seen;
    const items = [{ key: ".dockerconfigjson", path: "config.json" }];
    await locked.apply({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "plain" },
      spec: {
        restartPolicy: "Never",
        containers: [
          {
            name: "main",
            image: names.scriptsImage,
            // Network plugins let a new Pod through a moment after it has started.
            command: [
              "sh",
              "-c",
              "until oras repo tags --plain-http oras-0.oras:5000/a/plain; do sleep 1; done",
            ],
            env: [{ name: "DOCKER_CONFIG", value: "/login" }],
            volumeMounts: [{ name: "login", mountPath: "/login", readOnly: true }],
          },
        ],
        volumes: [{ name: "login", secret: { secretName: status.credentialsSecret, items } }],
      },
    });
    await locked.succeeded("plain");
  });

  it("is used by a step of another namespace that is let in and has a copy of the login", async ({
    locked,
  }) => {
    const other = await workspace();
    try {
      await locked.apply(
        cacheOf("shared", {
          ...closed,
          networkPolicy: {
            from: [
              { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": other.namespace } } },
            ],
          },
        }),
      );
      await locked.kubectl("wait", `${names.plural}/shared`, "--for=condition=Available", "--timeout=120s");
      const { status } = JSON.parse(
        await locked.kubectl("get", names.plural, "shared", "-o", "json"),
      ) as Seen;
      const secret = JSON.parse(
        await locked.kubectl("get", "secret", status.credentialsSecret, "-o", "json"),
      );
      await other.apply({
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name: "oras-login" },
        type: secret.type,
        data: { ".dockerconfigjson": secret.data[".dockerconfigjson"] },
      });
      const registry = `http://shared-0.shared.${locked.namespace}.svc.cluster.local:5000`;
      const login = { registry, "oras-env": "oras-login" };
      await other.step("writes", { ...login, "output-uri": "a/b:1", "output-path": "f" }, "echo far > f");
      await other.step("reads", { ...login, "input-uri": "a/b:1" }, "[ $(cat f) = far ]");
    } finally {
      await other.remove();
    }
  });

  it("shows its password to no program, and to no container of others", async ({ locked }) => {
    const pod = await locked.run(
      "looks",
      { "output-uri": "a/looks:1", "output-path": "out" },
      `ls ${names.cacheLoginPath} > out 2>&1; env | grep -ci -e password -e htpasswd >> out; true`,
    );
    expect(pod.status?.phase).toBe("Succeeded");
    expect(await locked.content("a/looks:1", "out")).toMatch(/No such file or directory\n0\n/);
    const main = pod.spec?.containers.find(({ name }) => name === "main");
    expect(main?.volumeMounts?.map(({ name }) => name)).not.toContain(names.cacheLoginVolume);
  });

  it("that is not the step's is not shown the password, and the step says what is missing", async ({
    locked,
  }) => {
    await locked.apply(cacheOf("other", closed));
    await locked.kubectl("wait", `${names.plural}/other`, "--for=condition=Available", "--timeout=120s");
    const pod = await locked.run(
      "stranger",
      {
        registry: `http://other-0.other.${locked.namespace}.svc.cluster.local:5000`,
        "input-uri": "a/b:1",
        timeout: "60s",
      },
      "true",
    );
    expect(endOf(pod, pullerOf(pod))?.exitCode).toBe(exitCodes.denied.code);
  });

  // The kubelet shows a changed Secret within two minutes, and the operator asks the keeper every five.
  it("lets users of the author's in, as their Secret has them by now", async ({ locked, onTestFinished }) => {
    const hash = "$2y$04$0VOCeUvaEFfP40pT8bv6Je9Ir9DsiP5Fqie5SetfZVk3BLCAxj37C"; // of "engine"
    const give = (htpasswd: string) =>
      locked.apply({
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name: "people" },
        stringData: { htpasswd },
      });
    await give(`ada:${hash}\n`);
    await locked.apply(cacheOf("people", { auth: { type: "htpasswd", usersSecretRef: { name: "people" } } }));
    await locked.kubectl("wait", `${names.plural}/people`, "--for=condition=Available", "--timeout=120s");
    const forward = await portForward(locked.namespace, "people-0", names.registryPort);
    onTestFinished(forward.stop);
    const asks = async (user: string) => {
      const headers = { authorization: `Basic ${btoa(`${user}:engine`)}` };
      return (await fetch(`http://${forward.address}/v2/`, { headers })).status;
    };
    expect([await asks("ada"), await asks("bob")]).toEqual([200, 401]);
    await give(`bob:${hash}\nno colon\n`);
    await until(async () => (await asks("bob")) === 200, "the other user", 240_000);
    expect(await asks("ada")).toBe(401);
    const problem = async () =>
      JSON.parse(await locked.kubectl("get", names.plural, "people", "-o", "json")).status.conditions.find(
        ({ type }: { type: string }) => type === "UsersProblem",
      );
    await until(async () => (await problem()) !== undefined, "the condition", 420_000);
    expect(await problem()).toMatchObject({
      reason: "UsersLeftOut",
      message: expect.stringContaining("line 2: "),
    });
  });
});
