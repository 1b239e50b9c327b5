import { CliError } from "../output.ts";

/** As much as is read of a file, a URL or standard input. etcd holds no object of more than 1.5 MiB. */
export const mostBytes = 16 * 1024 * 1024;

/**
 * The text of a stream of bytes. UTF-16 with a byte order mark, as Windows PowerShell writes it, is decoded as kubectl
 * does.
 *
 * @param stream - is ended where it is too long
 * @param shown - what is read, for the message
 * @param most - bytes
 * @throws CliError (exit code 2) when there is more
 */
export async function textOf(
  stream: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  shown: string,
  most = mostBytes,
): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of stream) {
    size += part.length;
    if (size > most)
      throw new CliError(
        `${shown} cannot be read: it has more than ${most / 1024 / 1024} MiB, the most that is read. Split it into several files.`,
        2,
      );
    parts.push(part);
  }
  const bytes = Buffer.concat(parts);
  return new TextDecoder(encodingOf(bytes)).decode(bytes);
}

function encodingOf([first, second]: Uint8Array): string {
  if (first === 0xff && second === 0xfe) return "utf-16le";
  return first === 0xfe && second === 0xff ? "utf-16be" : "utf-8";
}
