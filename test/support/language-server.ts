import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { createMessageConnection, StreamMessageReader, StreamMessageWriter } from "vscode-jsonrpc/node";

/** What the server says is wrong, with the text that it underlines. */
export interface Diagnostic {
  readonly message: string;
  readonly text: string;
}

/** One thing that the server offers at a place. */
export interface Completion {
  readonly label: string;
  readonly insertText: string;
  readonly documentation: string;
}

/** The real yaml-language-server, spoken to over standard input and output as an editor does. */
export interface LanguageServer {
  /** Diagnostics of a file whose text is given; the file need not exist. */
  readonly diagnose: (path: string, text: string) => Promise<Diagnostic[]>;
  /** What is offered where `|` stands in the text. */
  readonly complete: (path: string, text: string) => Promise<Completion[]>;
  /** What is shown where `|` stands in the text. */
  readonly hover: (path: string, text: string) => Promise<string>;
  readonly stop: () => Promise<void>;
}

interface Position {
  readonly line: number;
  readonly character: number;
}

interface Published {
  readonly uri: string;
  readonly diagnostics: readonly { message: string; range: { start: Position; end: Position } }[];
}

/** Starts the server without any configuration: what it knows of a file is the file's modeline. */
export async function startLanguageServer(): Promise<LanguageServer> {
  const program = createRequire(import.meta.url).resolve("yaml-language-server/bin/yaml-language-server");
  const child = spawn(process.execPath, [program, "--stdio"], { stdio: ["pipe", "pipe", "inherit"] });
  const connection = createMessageConnection(
    new StreamMessageReader(child.stdout),
    new StreamMessageWriter(child.stdin),
  );
  const waiting = new Map<string, (published: Published) => void>();
  connection.onNotification("textDocument/publishDiagnostics", (published: Published) => {
    waiting.get(published.uri)?.(published);
  });
  connection.onRequest("workspace/configuration", ({ items }: { items: unknown[] }) => items.map(() => null));
  connection.onRequest("client/registerCapability", () => null);
  connection.listen();
  await connection.sendRequest("initialize", {
    processId: process.pid,
    rootUri: pathToFileURL(process.cwd()).href,
    capabilities: {
      textDocument: { completion: { completionItem: { snippetSupport: true } }, publishDiagnostics: {} },
    },
  });
  await connection.sendNotification("initialized", {});
  let version = 0;

  async function openText(path: string, text: string): Promise<Published> {
    // A new name, so that what is published is of this text.
    version += 1;
    const uri = `${pathToFileURL(path).href.replace(/\.yaml$/, "")}.${version}.yaml`;
    const published = new Promise<Published>((resolve) => waiting.set(uri, resolve));
    await connection.sendNotification("textDocument/didOpen", {
      textDocument: { uri, languageId: "yaml", version, text },
    });
    return published;
  }

  async function at(path: string, marked: string) {
    const offset = marked.indexOf("|");
    const before = marked.slice(0, offset).split("\n");
    const { uri } = await openText(path, marked.slice(0, offset) + marked.slice(offset + 1));
    const position = { line: before.length - 1, character: before.at(-1)?.length ?? 0 };
    return { textDocument: { uri }, position };
  }

  return {
    diagnose: async (path, text) => {
      const lines = text.split("\n");
      return (await openText(path, text)).diagnostics.map(({ message, range }) => ({
        message,
        text: (lines[range.start.line] ?? "").slice(range.start.character, range.end.character),
      }));
    },
    complete: async (path, text) => {
      const { items } = await connection.sendRequest<{ items: Completion[] }>(
        "textDocument/completion",
        await at(path, text),
      );
      return items;
    },
    hover: async (path, text) => {
      const shown = await connection.sendRequest<{ contents: { value: string } } | null>(
        "textDocument/hover",
        await at(path, text),
      );
      return shown?.contents.value ?? "";
    },
    stop: async () => {
      await connection.sendRequest("shutdown");
      const ended = new Promise((resolve) => child.once("exit", resolve));
      await connection.sendNotification("exit");
      await ended;
      connection.dispose();
    },
  };
}
