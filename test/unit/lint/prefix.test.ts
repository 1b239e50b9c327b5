import { glob, readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { names } from "../../../schema/names.ts";

it("the annotations' prefix is written in schema/ alone; code and tests take it from there", async () => {
  const typed: string[] = [];
  for await (const file of glob(["{src,scripts,test,dev}/**/*.{ts,sh,c,go}"])) {
    if ((await readFile(file, "utf8")).includes(names.prefix.slice(0, -1))) typed.push(file);
  }
  expect(typed, "write names.prefix, or keyOf and keyed of test/support/builders.ts").toEqual([]);
});
