import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { names } from "../../schema/names.ts";
import { cacheKey, keeperToken } from "../../src/cache/access.ts";
import { statefulSet } from "../../src/cache/stateful-set.ts";
import { conditionOf, statusOf } from "../../src/cache/status.ts";
import type { Usage } from "../../src/cache/usage.ts";
import { renew } from "../../src/certificates/renew.ts";
import { reportedTrouble } from "../../src/controllers/reports.ts";
import { askReport } from "../../src/keeper/report.ts";
import { pathOf, resources } from "../../src/kube/resources.ts";
import { agentProgram } from "../support/agent-pod.ts";
import { podOf } from "../support/builders.ts";
import { childFacts, storedCache } from "../support/cache.ts";
import { temporaryFolder } from "../support/folders.ts";
import { fullListener } from "../support/full-listener.ts";
import { test } from "../support/integration.ts";
import { asksNobody, startOperator } from "../support/operator.ts";
import { failuresOf } from "../support/pages.ts";
import { freePort } from "../support/ports.ts";
import { start } from "../support/processes.ts";
import { until } from "../support/wait.ts";
import { installWebhooks } from "../support/webhooks.ts";

const rowsOf = (page: string) => failuresOf(`docs/how-to/${page}.md`).join("\n");

describe("volume", () => {
  const key = cacheKey("secret", { name: "oras", namespace: "default" });
  /** What a keeper that runs as a registry's does says of a folder. */
  async function usageOf(data: string, stop: (end: () => void) => void, ...more: string[]): Promise<Usage> {
    const folder = temporaryFolder("key");
    writeFileSync(join(folder, "key"), key);
    chmodSync(folder, 0o777);
    const [port, metrics] = [await freePort(), await freePort()];
    const keeper = start([
      ...["setpriv", "--reuid=65532", "--regid=65532", "--clear-groups", await agentProgram(), "keep"],
      ...[`--key=${folder}`, `--data=${data}`, "--cache-uid=6b3f", `--message-path=${folder}/message`],
      ...[`--listen=127.0.0.1:${port}`, `--metrics=127.0.0.1:${metrics}`, ...more],
    ]);
    stop(() => void keeper.child.kill());
    const ask = () =>
      askReport(
        { host: `127.0.0.1:${port}` },
        keeperToken(key),
        names.memoRepository,
        new AbortController().signal,
      );
    return until(async () => (await ask()).report?.usage, "the keeper");
  }

  test("a folder that the registry's user may not write", async ({ onTestFinished }) => {
    const data = temporaryFolder("data");
    chmodSync(data, 0o755);
    const trouble = reportedTrouble(await usageOf(data, onTestFinished));
    expect(trouble?.message).toContain(`user 65532 cannot write to ${data}: permission denied`);
    expect(rowsOf("volume")).toMatch(RegExp(`\`${trouble?.reason}\``));
  });

  test("a volume that is nearly full", async ({ onTestFinished }) => {
    const data = temporaryFolder("data");
    chmodSync(data, 0o777);
    writeFileSync(join(data, "big"), Buffer.alloc(900_000));
    const usage = await usageOf(data, onTestFinished, "--limit=1000000");
    const cache = storedCache({ storage: { persistentVolumeClaim: { size: "1Mi", onDelete: "Retain" } } });
    const status = statusOf({
      ...{ cache, statefulSet: statefulSet(cache, childFacts()), claim: undefined, pods: [], usage },
      ...{ trouble: undefined, installation: childFacts(), time: "2026-01-02T03:04:05Z" },
    });
    expect(conditionOf(status, "StorageLow")?.status).toBe("True");
    expect(rowsOf("volume")).toContain("the condition `StorageLow`");
  });
});

test("cert-manager: a webhook's configuration without the CA of the certificate", async ({
  plane,
  installed,
  onTestFinished,
}) => {
  const directory = temporaryFolder("certificate");
  const hosts = [`${names.webhookService}.${names.operatorNamespace}.svc`];
  const mine = await renew("everything", undefined, hosts, new Date());
  const other = await renew("everything", undefined, hosts, new Date());
  writeFileSync(join(directory, "tls.crt"), mine.certificate);
  writeFileSync(join(directory, "tls.key"), mine.key);
  const operator = await startOperator(
    plane.operatorKubeconfig,
    ...["--certificate-directory", directory],
    ...asksNobody,
  );
  onTestFinished(async () => {
    await operator.stop();
  });
  await installWebhooks(installed, operator.webhookPort);
  const path = pathOf(resources.mutatingWebhookConfigurations, { name: names.webhookConfiguration });
  const { webhooks } = await installed.request<{ webhooks: object[] }>({ path });
  const caBundle = Buffer.from(other.cas.join("\n")).toString("base64");
  await installed.request({
    ...{ method: "PATCH", path, contentType: "application/json-patch+json" },
    body: webhooks.map((_, i) => ({
      op: "add",
      path: `/webhooks/${i}/clientConfig/caBundle`,
      value: caBundle,
    })),
  });
  const step = podOf("step", { "output-uri": "a/b:1" });
  const refused = async () => {
    const path = pathOf(resources.pods, { namespace: "default" });
    return installed.request({ method: "POST", path, body: step }).then(
      () => "",
      (error: Error) => error.message,
    );
  };
  const words = "x509: certificate signed by unknown authority";
  await until(async () => (await refused()).includes(words), words);
  expect(rowsOf("cert-manager")).toContain(`\`${words}\``);
});

describe("monitoring", () => {
  // Which of the first two it is depends on what of Go sees the deadline first.
  test.for([
    ["drops", fullListener, /context deadline exceeded|i\/o timeout/],
    ["rejects", async () => `127.0.0.1:${await freePort()}`, /connection refused/],
  ] as const)("a NetworkPolicy %s what Prometheus sends", async ([, at, words], { onTestFinished }) => {
    const [target, folder, port] = [await at(), temporaryFolder("prometheus"), await freePort()];
    const file = join(folder, "prometheus.yml");
    const job = { job_name: "oras", scrape_interval: "1s", scrape_timeout: "1s" };
    const content = { scrape_configs: [{ ...job, static_configs: [{ targets: [target] }] }] };
    writeFileSync(file, JSON.stringify(content));
    const prometheus = start([
      ...["prometheus", `--config.file=${file}`, `--storage.tsdb.path=${folder}/data`],
      `--web.listen-address=127.0.0.1:${port}`,
    ]);
    onTestFinished(async () => {
      prometheus.child.kill();
      await prometheus.ended;
    });
    const down = await until(async () => {
      const answer = await fetch(`http://127.0.0.1:${port}/api/v1/targets`);
      const { data } = (await answer.json()) as {
        data: { activeTargets: { health: string; lastError: string }[] };
      };
      return data.activeTargets.find(({ health }) => health === "down");
    }, "the target to be down");
    expect(down.lastError).toMatch(words);
    const found = words.exec(down.lastError)?.[0];
    expect(rowsOf("monitoring")).toMatch(RegExp(`a target is down, .*\`${found}\``));
  });

  test("a registry without a keeper listens at no port for metrics", () => {
    const set = (spec: Parameters<typeof storedCache>[0]) =>
      JSON.stringify(statefulSet(storedCache(spec), childFacts()).spec?.template.spec);
    const withoutKeeper = set({ secrets: { orasEnv: "env" } });
    expect(withoutKeeper).not.toContain(`"name":"${names.keeperContainer}"`);
    for (const port of [names.registryMetricsPort, "HTTP_DEBUG"]) {
      expect(withoutKeeper).not.toContain(`${port}`);
      expect(set({})).toContain(`${port}`);
    }
    expect(rowsOf("monitoring")).toContain("port 5001 answers nothing");
  });
});
