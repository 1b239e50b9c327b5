import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

const css = readFileSync("src/page/style/colours.css", "utf8");
const [light = "", dark = ""] = css.split("@media (prefers-color-scheme: dark)");

/** The colours that a part of the file sets. */
function coloursOf(part: string): Record<string, string> {
  return Object.fromEntries(
    [...part.matchAll(/--([a-z-]+): (#[0-9a-f]{6});/g)].map(([, name, hex]) => [name, hex]),
  );
}

/** @see https://www.w3.org/TR/WCAG22/#dfn-relative-luminance */
function luminance(hex: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** @see https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio */
function contrast(a: string, b: string): number {
  const [less = 0, more = 0] = [luminance(a), luminance(b)].sort((one, other) => one - other);
  return (more + 0.05) / (less + 0.05);
}

const words = ["text", "hint", "accent", "failed", "running", "waiting", "succeeded"];

describe.each([
  ["light", coloursOf(light)],
  ["dark", { ...coloursOf(light), ...coloursOf(dark) }],
])("in the %s theme", (_, colours) => {
  const grounds = Object.keys(colours).filter((name) => /^(ground|surface|raised)$|-soft$/.test(name));
  const pairs = [
    ...words.flatMap((word) => grounds.map((on) => [word, on] as const)),
    ["on-accent", "accent"] as const,
  ];

  test.each(pairs)("%s can be read on %s", (word, on) => {
    expect(contrast(colours[word] ?? "", colours[on] ?? "")).toBeGreaterThanOrEqual(4.5);
  });
});

test("black on white has the most contrast that there is", () => {
  expect(contrast("#000000", "#ffffff")).toBeCloseTo(21);
});
