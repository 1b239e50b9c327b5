import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { withLock } from "../cluster/lock.ts";
import { isAlive, recordOf, startTimeIn } from "../cluster/process-record.ts";
import { isOurShim, mountsBelow } from "../cluster/sweep.ts";
import { until } from "../cluster/waiting.ts";

const self = recordOf(process.pid);

describe("a process record", () => {
  it("reads the start time whatever the program is called", () => {
    const fields = Array.from({ length: 50 }, (_, index) => String(index + 3));
    const stat = `77 (a ) b (c) ${["S", ...fields.slice(1)].join(" ")}`;
    expect(startTimeIn(stat)).toBe("22");
  });

  it("is alive only while it is the same process", () => {
    expect(isAlive(self)).toBe(true);
    expect(isAlive(self && { ...self, startTime: "1" })).toBe(false);
    expect(isAlive(undefined)).toBe(false);
  });

  it("is alive while one of its threads is: that one has the ports of a program that was killed", async () => {
    const program = `import ctypes, sys, threading
threading.Thread(target=sys.stdin.read).start()
print("begun", flush=True)
ctypes.CDLL(None).pthread_exit(None)`;
    const child = spawn("python3", ["-c", program], { stdio: ["pipe", "pipe", "ignore"] });
    const ended = once(child, "exit");
    await once(child.stdout, "data");
    const state = () => readFileSync(`/proc/${child.pid}/stat`, "utf8").split(") ")[1]?.[0];
    await until("the first thread to end", () => state() === "Z");
    expect(isAlive(recordOf(child.pid ?? 0))).toBe(true);
    child.kill("SIGKILL");
    await ended;
    expect(recordOf(child.pid ?? 0)).toBeUndefined();
  });
});

describe("a lock", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "oras-operator-lock-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("lets one run after the other", async () => {
    const path = join(folder, "lock");
    const order: string[] = [];
    const turn = (name: string) =>
      withLock(path, async () => {
        order.push(`${name} in`);
        await new Promise((resolve) => setImmediate(resolve));
        order.push(`${name} out`);
      });
    await Promise.all([turn("a"), turn("b")]);
    expect(order.map((entry) => entry.slice(2))).toEqual(["in", "out", "in", "out"]);
  });

  it("of a process that is gone is void", async () => {
    const path = join(folder, "lock");
    await writeFile(path, JSON.stringify({ ...self, startTime: "1" }));
    expect(await withLock(path, async () => "mine", 5)).toBe("mine");
  });

  it("that another process holds is waited for, and then named", async () => {
    const path = join(folder, "lock");
    await writeFile(path, JSON.stringify(self));
    await expect(withLock(path, async () => "mine", 0.1)).rejects.toThrow(path);
  });
});

describe("the sweep", () => {
  it("unmounts what is below the folder, the deepest first, and nothing else", () => {
    const line = (path: string) => `36 35 98:0 / ${path} rw shared:1 - ext4 /dev/root rw`;
    const mountinfo = ["/", "/state-other", "/state/a", "/state/a/b\\040c"].map(line).join("\n");
    expect(mountsBelow("/state", mountinfo)).toEqual(["/state/a/b c", "/state/a"]);
  });

  it("knows our shims by their socket", () => {
    const shim = (socket: string) =>
      ["/x/containerd-shim-runc-v2", "-namespace", "k8s.io", "-address", socket].join("\0");
    expect(isOurShim(shim("/state/containerd.sock"), "/state/containerd.sock")).toBe(true);
    expect(isOurShim(shim("/run/containerd/containerd.sock"), "/state/containerd.sock")).toBe(false);
    expect(isOurShim("vi\0containerd-shim-runc-v2", "/state/containerd.sock")).toBe(false);
  });
});
