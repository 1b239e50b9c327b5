import { describe, expect, it } from "vitest";
import { quoted } from "../../../src/annotations/problems.ts";

describe("a value in a message", () => {
  it.each([
    "file?.txt",
    "/data/?/out",
    "a/b?",
    "logs/??-x.txt",
    "/data//me@host/x",
    "me@example.com",
    "a=b",
    "out[0-9]?.log",
    "http:/data?x",
  ])("keeps a path whole: %s", (path) => {
    expect(quoted(path)).toBe(JSON.stringify(path));
  });

  it.each([
    ["https://example.com/x?token=abc", "https://example.com/x?…"],
    ["https://example.com/x?abc", "https://example.com/x?…"],
    ["https://example.com/x?a=b#sha256=1", "https://example.com/x?…#sha256=1"],
    ["https://me:secret@example.com/x", "https://…@example.com/x"],
    ["http://me:secret@example.com?abc", "http://…@example.com?…"],
    ["//me:secret@example.com/x", "//…@example.com/x"],
    ["example.com/x.sh?token=abc", "example.com/x.sh?…"],
    ["see https://a/b?c and https://d/e?f", "see https://a/b?… and https://d/e?…"],
    ["PASSWORD=secret", "PASSWORD=…"],
  ])("cuts what may be a password: %s", (value, shown) => {
    expect(quoted(value)).toBe(JSON.stringify(shown));
  });
});
