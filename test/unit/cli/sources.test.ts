import { execFileSync } from "node:child_process";
import { chmod, symlink, truncate, writeFile } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fetchText } from "../../../src/cli/manifests/fetch.ts";
import { readSources } from "../../../src/cli/manifests/sources.ts";
import { describeError, reasonOf } from "../../../src/cli/output.ts";
import { offlineDefaults } from "../../../src/cli/settings.ts";
import { validateFiles } from "../../../src/cli/validate.ts";
import { type Folder, makeFolder } from "../../support/cli.ts";

let folder: Folder;
beforeAll(async () => {
  folder = await makeFolder();
});
afterAll(() => folder.remove());

const names = async (...places: string[]) =>
  (await readSources(places)).map(({ file }) => file.replace(`${folder.path}/`, ""));
const refusal = (message: string | RegExp) =>
  expect.objectContaining({ exitCode: 2, message: expect.stringMatching(message) });

describe("I12: files and folders", () => {
  it("a folder of folders is all manifests in it, in order, without hidden folders", async () => {
    for (const name of [
      "b/two.yml",
      "b/c/one.json",
      "b/README.md",
      "a.yaml",
      ".git/x.yaml",
      "b/.hidden/y.yaml",
    ])
      await folder.write(join("tree", name), "a: b");
    await folder.write("tree/node_modules/z/z.yaml", "a: b");
    expect(await names(join(folder.path, "tree"))).toEqual([
      "tree/a.yaml",
      "tree/b/c/one.json",
      "tree/b/two.yml",
    ]);
  });

  it("a folder that leads to itself is read once", async () => {
    await folder.write("loop/a.yaml", "a: b");
    await symlink(join(folder.path, "loop"), join(folder.path, "loop", "again"));
    expect(await names(join(folder.path, "loop"))).toEqual(["loop/a.yaml"]);
  });

  it("files keep the order in which they are named", async () => {
    const [b, a] = [await folder.write("b.yaml", "b"), await folder.write("a.yaml", "a")];
    expect(await readSources([b, a])).toEqual([
      { file: b, named: true, text: "b" },
      { file: a, named: true, text: "a" },
    ]);
  });

  it("a file that is named again is read once, and is named itself then", async () => {
    const file = await folder.write("same/a.yaml", "a: b");
    await folder.write("same/b.yaml", "a: b");
    await symlink(file, join(folder.path, "link.yaml"));
    const places = [join(folder.path, "same"), join(folder.path, "same/../same/a.yaml")];
    const read = await readSources([...places, join(folder.path, "link.yaml")]);
    expect(read.map((source) => [source.file.split("/").at(-1), source.named])).toEqual([
      ["a.yaml", true],
      ["b.yaml", false],
    ]);
  });

  it("a kustomization without an ending is read in a folder too", async () => {
    await folder.write("bare-name/Kustomization", "a: b");
    expect(await names(join(folder.path, "bare-name"))).toEqual(["bare-name/Kustomization"]);
  });

  it.each(["ftp://me:hidden@example.com/a.yaml", "file:///a.yaml", "OCI://example.com/chart"])(
    "%s is no URL that is read",
    async (place) => {
      const error = await readSources([place]).catch((reason: unknown) => reason);
      expect(error).toEqual(refusal(/ cannot be read: only http and https URLs are supported\.$/));
      expect(String(error)).not.toContain("hidden");
    },
  );

  it.each([
    ["nothing.yaml", /nothing\.yaml cannot be read: there is no such file\.$/],
    ["a.yaml/b.yaml", /cannot be read: a part of its path is a file, not a folder\.$/],
    ["bare", /bare has no \.yaml, \.yml or \.json file, nor has a folder in it\.$/],
  ])("%s: a sentence says what is wrong", async (name, sentence) => {
    await folder.write("a.yaml", "a");
    await folder.write("bare/README.md", "a");
    await expect(readSources([join(folder.path, name)])).rejects.toThrow(refusal(sentence));
  });

  it.skipIf(process.getuid?.() === 0)("a file that may not be read", async () => {
    const file = await folder.write("secret.yaml", "a");
    await chmod(file, 0);
    await expect(readSources([file])).rejects.toThrow(refusal("you have no permission"));
  });

  it("what cannot be read in a folder is told, and the others are read", async () => {
    await folder.write("mixed/job.yaml", "a: b");
    const at = (name: string) => join(folder.path, "mixed", name);
    // As Emacs locks a file that is edited.
    await symlink("user@host.1:2", at(".#job.yaml"));
    await symlink("circle.yaml", at("circle.yaml"));
    await symlink(folder.path, at("folder.yaml"));
    await symlink("/dev/zero", at("zero.json"));
    execFileSync("mkfifo", [at("pipe.yaml")]);
    await writeFile(at("large.yaml"), "");
    await truncate(at("large.yaml"), 17 * 1024 * 1024);
    const read = await readSources([join(folder.path, "mixed")]);
    expect(read.map(({ file, unread }) => [file.split("/").at(-1), unread])).toEqual([
      [".#job.yaml", "it cannot be read: it is a symbolic link to a file that is not there."],
      ["circle.yaml", "it cannot be read: its symbolic links lead to each other."],
      ["folder.yaml", "it cannot be read: it is a symbolic link to a folder; name the folder with -f."],
      ["job.yaml", undefined],
      ["large.yaml", expect.stringMatching(/^it cannot be read: it has more than 16 MiB/)],
      ["pipe.yaml", "it cannot be read: it is a pipe, a socket or a device, not a file."],
      ["zero.json", "it cannot be read: it is a pipe, a socket or a device, not a file."],
    ]);
    const { findings, files } = await validateFiles([join(folder.path, "mixed")], offlineDefaults);
    expect(files).toBe(7);
    expect(findings.filter(({ code }) => code === "Unreadable")).toHaveLength(6);
  });

  it("a pipe that is named is read", async () => {
    const pipe = join(folder.path, "named-pipe");
    execFileSync("mkfifo", [pipe]);
    const [[source]] = await Promise.all([readSources([pipe]), writeFile(pipe, "a: b")]);
    expect(source).toEqual({ file: pipe, named: true, text: "a: b" });
  });

  it("a file without an end is read up to a size", async () => {
    await expect(readSources(["/dev/zero"])).rejects.toThrow(
      refusal(/more than 16 MiB, .* several files\.$/),
    );
  });

  it.each([
    ["UTF-8", Buffer.from("\uFEFFa: é")],
    ["UTF-16, little end first", Buffer.from("\uFEFFa: é", "utf16le")],
    ["UTF-16, big end first", Buffer.from("\uFEFFa: é", "utf16le").swap16()],
  ])("%s with a byte order mark is read", async (name, bytes) => {
    const file = join(folder.path, `${name}.yaml`);
    await writeFile(file, bytes);
    expect((await readSources([file]))[0]?.text).toBe("a: é");
  });

  it("standard input can be named once", async () => {
    await expect(readSources(["-", "-"])).rejects.toThrow(refusal("standard input can be read once"));
  });
});

describe("I12: URLs", () => {
  const servers: Server[] = [];
  const serve = async (listener: RequestListener) => {
    const server = createServer(listener).listen(0, "127.0.0.1");
    servers.push(server);
    await new Promise((resolve) => server.once("listening", resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  afterAll(() => {
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
  });

  it("are read, also behind a redirect", async () => {
    const url = await serve((request, response) => {
      if (request.url === "/old.yaml") response.writeHead(302, { location: "/new.yaml" }).end();
      else response.end("kind: Pod # é");
    });
    expect(await readSources([`${url}/old.yaml`])).toEqual([
      { file: `${url}/old.yaml`, named: true, text: "kind: Pod # é" },
    ]);
  });

  it("are shown without what may be a credential", async () => {
    const url = await serve((_, response) => response.end("a: b"));
    const [source] = await readSources([`${url}/a.yaml?token=hidden`]);
    expect(source?.file).toBe(`${url}/a.yaml`);
    await expect(fetchText(`${url.replace("127.0.0.1", "me:hidden@127.0.0.1")}/`)).rejects.toThrow(
      expect.not.objectContaining({ message: expect.stringContaining("hidden") }),
    );
  });

  it("that are named twice are read once", async () => {
    let asked = 0;
    const url = await serve((_, response) => response.end(`a: ${++asked}`));
    expect(await readSources([url, url])).toHaveLength(1);
    expect(asked).toBe(1);
  });

  it("that fetch itself refuses are told in plain words", async () => {
    const url = await serve((request, response) => {
      const location = request.url === "/ftp" ? "ftp://example.com/a" : "/loop";
      response.writeHead(302, { location }).end();
    });
    await expect(fetchText("http://127.0.0.1:9/a")).rejects.toThrow(
      refusal("web clients do not use this port"),
    );
    await expect(fetchText(`${url}/ftp`)).rejects.toThrow(refusal("neither http nor https"));
    await expect(fetchText(`${url}/loop`)).rejects.toThrow(refusal("other URLs again and again"));
  });

  it("that answer with a refusal are told with it", async () => {
    const url = await serve((_, response) => response.writeHead(404).end("secret page"));
    await expect(fetchText(`${url}/a.yaml`)).rejects.toThrow(refusal(/the server answers 404 Not Found\.$/));
  });

  it("are read up to a size", async () => {
    const url = await serve((_, response) => {
      const more = () => response.write("x".repeat(65_536)) && setImmediate(more);
      response.on("drain", more);
      more();
    });
    const limits = { bytes: 1024 * 1024, milliseconds: 60_000 };
    await expect(fetchText(url, limits)).rejects.toThrow(refusal("it has more than 1 MiB"));
  });

  it.each([["before"], ["after"]])("are waited for up to a time, %s the answer begins", async (when) => {
    const url = await serve((_, response) => {
      if (when === "after") response.write("a: ");
    });
    await expect(fetchText(url, { bytes: 1024, milliseconds: 200 })).rejects.toThrow(
      refusal("the server does not answer in time"),
    );
  });

  it("of nobody are told in plain words", async () => {
    const url = await serve((_, response) => response.end());
    const server = servers.at(-1);
    await new Promise((resolve) => server?.close(resolve));
    await expect(fetchText(url)).rejects.toThrow(refusal("the server refuses connections"));
    await expect(fetchText("http://")).rejects.toThrow(refusal("it is not a URL"));
  });
});

describe("I12: reasons in plain words", () => {
  // No name can be looked up in a test; the errors are those of Node.
  it.each([
    ["EAI_AGAIN", "getaddrinfo EAI_AGAIN example.com", "cannot be looked up at the moment"],
    ["ENOTFOUND", "getaddrinfo ENOTFOUND example.com", "there is no server of that name"],
    ["CERT_HAS_EXPIRED", "certificate has expired", "has expired"],
  ])("%s", (code, message, sentence) => {
    const error = new TypeError("fetch failed", { cause: Object.assign(new Error(message), { code }) });
    expect(reasonOf(error)).toContain(sentence);
    expect(reasonOf(error)).not.toContain(code);
  });

  it("of several addresses the first counts", () => {
    const error = Object.assign(new Error("connect"), { code: "ECONNREFUSED" });
    expect(reasonOf(new TypeError("fetch failed", { cause: new AggregateError([error]) }))).toContain(
      "refuses",
    );
  });
});

describe("errors at the terminal", () => {
  it("are a sentence", () => {
    expect(describeError(new Error("there is no cluster"))).toBe("there is no cluster");
    expect(describeError("text")).toBe("text");
  });

  it("that are mistakes of the program ask for a report, with the stack", () => {
    const text = describeError(new TypeError("x is not a function"));
    expect(text).toMatch(
      /^This is a mistake of oras-operator\. .*https:\S+\/issues\nTypeError: x is not a function\n {4}at /,
    );
  });
});
