import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { parse, stringify } from "yaml";
import { names } from "../../schema/names.ts";
import { exits } from "../../src/cli/exits.ts";
import { jobOf } from "../support/builders.ts";
import { it as base } from "../support/e2e.ts";
import { temporaryFolder } from "../support/folders.ts";
import { makePlugin, type Plugin } from "../support/plugin.ts";
import { start } from "../support/processes.ts";
import { killContainer } from "../support/sandboxes.ts";
import { until } from "../support/wait.ts";
import { type Workspace, workspace } from "../support/workspace.ts";

const it = base
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from it which fixtures are needed
  .extend("locked", { scope: "file" }, async ({}, { onCleanup }) => {
    const locked = await workspace({}, { auth: { type: "htpasswd" } });
    onCleanup(locked.remove);
    return locked;
  })
  .extend("plugin", { scope: "file" }, ({ locked }) => makePlugin(locked.namespace));

async function done(plugin: Plugin, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await plugin.run(...args);
  expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: "" });
  return stdout;
}

/** The kubeconfig of a ServiceAccount that may do nothing yet. */
async function strangerIn(ws: Workspace): Promise<string> {
  await ws.kubectl("create", "serviceaccount", "stranger");
  const token = (await ws.kubectl("create", "token", "stranger")).trim();
  const config = parse(await ws.kubectl("config", "view", "--raw", "--minify"));
  config.users[0].user = { token };
  const file = join(temporaryFolder("stranger"), "kubeconfig");
  writeFileSync(file, stringify(config), { mode: 0o600 });
  return file;
}

describe("kubectl oras-cache", () => {
  it("lists, fetches and reads what a step made, in a registry that asks for a password", async ({
    locked,
    plugin,
  }) => {
    const script =
      "mkdir -p out/deep; echo one > out/a; head -c 3000000 /dev/urandom > out/deep/b; ln -s ../a out/deep/l";
    await locked.apply(jobOf("maker", { "output-uri": "made/folder:1", "output-path": "out" }, script));
    expect(await locked.verdict("maker")).toBe("Complete");
    expect(await done(plugin, "ls")).toMatch(
      /^ARTIFACT +SIZE +FILES +MADE BY +FROM +AGE\nmade\/folder:1 +2\.9Mi +- +job\/maker +- +\d+[sm]/,
    );
    const folder = temporaryFolder("got");
    expect(await done(plugin, "get", "made/folder:1", "-o", folder)).toMatch(
      /^Got made\/folder:1: 3 files, 2\.9Mi, in /,
    );
    const pulled = await locked.pulled("made/folder:1");
    expect(readFileSync(join(folder, "out/deep/b")).equals(readFileSync(join(pulled, "out/deep/b")))).toBe(
      true,
    );
    expect(readFileSync(join(folder, "out/deep/l"), "utf8")).toBe("one\n");
    expect(await done(plugin, "cat", "made/folder:1", "out/a")).toBe("one\n");
    expect(await done(plugin, "wait", "made/folder:1")).toMatch(/^made\/folder:1 is there \(sha256:/);
    const { code, stderr } = await plugin.run("get", "made/folder:2");
    expect({ code, stderr }).toEqual({
      code: exits.notFound,
      stderr: expect.stringContaining("Did you mean made/folder:1?"),
    });
  });

  it("puts what a step then reads, and removes it", async ({ locked, plugin }) => {
    const folder = join(temporaryFolder("put"), "bones");
    mkdirSync(join(folder, "deep"), { recursive: true });
    writeFileSync(join(folder, "deep", "skull"), "hollow");
    expect(await done(plugin, "put", folder, "put/bones:1")).toMatch(/^Put put\/bones:1: /);
    await locked.step(
      "reader",
      { "input-uri": "put/bones:1", "input-path": "/tmp/in" },
      "grep -x hollow /tmp/in/bones/deep/skull",
    );
    await done(plugin, "cp", "put/bones:1", "copied/bones");
    expect(await done(plugin, "cat", "copied/bones:1", "bones/deep/skull")).toBe("hollow");
    expect(await done(plugin, "rm", "put/bones:1")).toBe("Removed put/bones:1\n");
    expect(await locked.isPushed("put/bones:1")).toBe(false);
    expect(await locked.isPushed("copied/bones:1")).toBe(true);
  });

  it("backs a cache up as docs/backup.md shows, and restores what is missing", async ({ locked, plugin }) => {
    const folder = join(temporaryFolder("backup"), "oras");
    await locked.step("saved", { "output-uri": "saved/file:1", "output-path": "out" }, "echo saved > out");
    const all = await done(plugin, "backup", "oras", folder);
    expect(all).toMatch(/^\d+ artifacts, \d+ of them new in .*copied\n$/);
    await done(plugin, "rm", "saved/file:1");
    expect(await done(plugin, "restore", "oras", folder)).toMatch(
      / artifacts, 1 of them new in the cache oras/,
    );
    expect(await done(plugin, "cat", "saved/file:1")).toBe("saved\n");
  });

  it("logs stock oras in as docs/cli.md shows, for as long as it runs", async ({ locked, plugin }) => {
    await locked.step("logged", { "output-uri": "made/file:1", "output-path": "out" }, "echo file > out");
    const login = temporaryFolder("login");
    const env = { DOCKER_CONFIG: login };
    const running = plugin.start(["login"], env);
    await running.said("until you press Ctrl-C");
    const config = () => JSON.parse(readFileSync(join(login, "config.json"), "utf8")) as { auths: object };
    const [host = ""] = Object.keys(config().auths);
    expect(host).toMatch(/^localhost:\d+$/);
    const pull = ["oras", "pull", `${host}/made/file:1`, "-o", join(login, "out")];
    const { code, stderr } = await start(pull, { env: { ...process.env, HOME: login, ...env } }).ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(readFileSync(join(login, "out", "out"), "utf8")).toBe("file\n");
    running.child.kill("SIGINT");
    const { stdout, code: ended } = await running.ended;
    expect(ended).toBe(0);
    expect(stdout).not.toContain("password:");
    expect(config().auths).toEqual({});
  });

  it("prints commands of kubectl and oras that do the same as login", async ({ plugin }) => {
    const printed = await done(plugin, "login", "--print");
    expect(printed).toContain("port-forward pod/oras-0 5000:5000 &");
    expect(printed).toMatch(/oras login localhost:5000 --username .* --password-stdin/);
  });

  it("says why a step is stuck, and what to do", async ({ locked, plugin }) => {
    await locked.apply(jobOf("stuck", { "input-uri": "a/b:1", "oras-cache": "nowhere" }, "true"));
    const page = await until(async () => {
      const found = await done(plugin, "status", "job/stuck");
      return found.includes("OrasCache nowhere") && found.includes("says:") && found;
    }, "the page to name the cache that is not there");
    expect(page).toContain("There is no OrasCache nowhere in the namespace");
    expect(page).toMatch(/To do +Create it/);
    await locked.kubectl("delete", "job", "stuck", "--wait=false");
    expect(await done(plugin, "status")).toMatch(/^OrasCache oras in the namespace .*\n {2}OK /);
  });

  it("looks whether the installation is well, and shows what takes the space", async ({ plugin }) => {
    const found = await plugin.run("check");
    expect(found.stdout).toMatch(/^ok +Webhook +registered; its CA is good for \d+ days$/m);
    expect(found.stdout).toMatch(/^ok +Injection /m);
    expect({ code: found.code, bad: found.stdout.match(/^bad.*$/gm) }).toEqual({ code: 0, bad: null });
    expect(await done(plugin, "df")).toMatch(/^REPOSITORY +ARTIFACTS +SIZE\n(.+\n)+\(total\) /);
    // It answers with what it knows when somebody has waited for long, as on a busy machine.
    const complete = [...plugin.argv, "__complete", "get", "-n", plugin.namespace, "made/"];
    await until(
      async () =>
        (await start(complete, { env: plugin.env }).ended).stdout === "made/file:1\nmade/folder:1\n:4\n",
      "the names",
    );
  });

  it("names the right that is missing, and grants it", async ({ locked }) => {
    const stranger = await makePlugin(locked.namespace, await strangerIn(locked));
    const refused = await stranger.run("ls");
    expect(refused.code).toBe(exits.denied);
    expect(refused.stderr).toMatch(
      /^You have no right to list orascaches in the namespace .*kubectl oras-cache grant USER/,
    );
    const admin = await makePlugin(locked.namespace);
    const role = await done(admin, "grant", `serviceaccount:${locked.namespace}:stranger`);
    expect((await locked.try(["apply", "-f", "-"], role)).code).toBe(0);
    await until(async () => (await stranger.run("ls")).code === 0, "the right to count");
    await done(stranger, "status");
  });

  it("goes on where it broke when the registry's container is killed", async ({ locked, plugin }) => {
    const folder = temporaryFolder("large");
    writeFileSync(join(folder, "large"), randomBytes(100_000_000));
    expect((await plugin.run("put", join(folder, "large"), "large/file:1")).code).toBe(0);
    const out = join(folder, "out");
    const running = plugin.start(["get", "large/file:1", "-o", out]);
    await until(() => bytesIn(out) > 1_000_000, "the first bytes");
    // It would be done too soon.
    running.child.kill("SIGSTOP");
    killContainer(locked.namespace, "oras-0", names.registryContainer);
    running.child.kill("SIGCONT");
    const { code, stderr } = await running.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining("going on where it broke") });
    expect(readFileSync(join(out, "large")).equals(readFileSync(join(folder, "large")))).toBe(true);
  });
});

/** Of all files in a folder. */
function bytesIn(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}
