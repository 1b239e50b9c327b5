import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { dropLogin, findLogin, keepLogin } from "../../../../src/cli/oci/docker-config.ts";

const login = { username: "oras-1", password: "s:3cret" };
const host = "localhost:40000";

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "docker-config-"));
  onTestFinished(() => rmSync(made, { recursive: true }));
  return made;
}

function configIn(where: string, content: unknown): string {
  const path = join(where, "config.json");
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

const read = (path: string) => JSON.parse(readFileSync(path, "utf8"));

describe("docker's configuration", () => {
  const before = {
    auths: { "ghcr.io": { auth: "dTpw" } },
    credHelpers: { "gcr.io": "gcloud" },
    HttpHeaders: { "X-Meta": "1" },
  };

  it("keeps what else is in it", async () => {
    const path = configIn(folder(), before);
    await keepLogin(host, login, path);
    expect(read(path)).toMatchObject(before);
    expect(await findLogin(host, path)).toMatchObject(login);
    await dropLogin(host, path);
    expect(read(path)).toEqual(before);
  });

  it("is made where there is none, for its owner alone", async () => {
    const path = join(folder(), "new", "config.json");
    await keepLogin(host, login, path);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  // People keep it in a repository of such files, and in homes that they share with a group.
  it("keeps its mode, and stays the link that it is", async () => {
    const [real, home] = [folder(), folder()];
    const file = configIn(real, before);
    chmodSync(file, 0o640);
    const path = join(home, "config.json");
    symlinkSync(file, path);
    await keepLogin(host, login, path);
    expect(lstatSync(path).isSymbolicLink()).toBe(true);
    expect(statSync(file).mode & 0o777).toBe(0o640);
    expect(await findLogin(host, file)).toMatchObject(login);
    await dropLogin(host, path);
    expect(read(file)).toEqual(before);
  });

  it("stays a link to what is not there yet", async () => {
    const [real, home] = [folder(), folder()];
    const path = join(home, "config.json");
    symlinkSync(join(real, "config.json"), path);
    await keepLogin(host, login, path);
    expect(lstatSync(path).isSymbolicLink()).toBe(true);
    expect(await findLogin(host, join(real, "config.json"))).toMatchObject(login);
  });

  it.each(["null", "[]", "1", '"text"', "{"])("is not written over that is none: %s", async (content) => {
    const path = configIn(folder(), content);
    await expect(keepLogin(host, login, path)).rejects.toThrow(`${path}: it is not`);
    expect(readFileSync(path, "utf8")).toBe(content);
  });

  // docker and oras read it as one without logins.
  it("may be empty", async () => {
    const path = configIn(folder(), "");
    await keepLogin(host, login, path);
    expect(await findLogin(host, path)).toMatchObject(login);
  });
});
