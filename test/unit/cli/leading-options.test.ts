import fc from "fast-check";
import { expect, test } from "vitest";
import { optionsBehind } from "../../../src/cli/commands/leading-options.ts";

test.each([
  ["-n work ls", "ls -n work"],
  ["--namespace work --context home status job/x", "status job/x --namespace work --context home"],
  ["-nwork --context=home ls a -o json", "ls a -o json -nwork --context=home"],
  ["-n work retention plan oras", "retention plan oras -n work"],
  ["-n work put -- -x a:1", "put -n work -- -x a:1"],
  ["ls -n work", "ls -n work"],
  // These are errors, of what was written.
  ["-n work", "-n work"],
  ["-n", "-n"],
  ["-o json ls", "-o json ls"],
])("%s is %s", (typed, meant) => {
  expect(optionsBehind(typed.split(" "))).toEqual(meant.split(" "));
});

test("no word is lost, and the command is first where there is one", () => {
  const leading = fc.constantFrom(["-n", "a"], ["--context", "b"], ["--namespace=c"], ["-nd"]);
  const word = fc.constantFrom("ls", "x:1", "-o", "json", "--all", "-n", "--");
  fc.assert(
    fc.property(fc.array(leading), fc.array(word), (before, rest) => {
      const words = [...before.flat(), "ls", ...rest];
      const meant = optionsBehind(words);
      expect(meant.toSorted()).toEqual(words.toSorted());
      expect(meant[0]).toBe("ls");
    }),
  );
});
