const ownValue = /^(?:--(?:namespace|context)=.*|-n.+)$/;
const nextValue = new Set(["-n", "--namespace", "--context"]);

/**
 * Puts namespace and context where each command takes them: behind it. People who know kubectl's plugins write them before it, too.
 *
 * @param words - of the command line, without the program
 * @returns the same words, those options last, but before `--`
 */
export function optionsBehind(words: readonly string[]): string[] {
  let count = 0;
  while (ownValue.test(words[count] ?? "") || nextValue.has(words[count] ?? ""))
    count += nextValue.has(words[count] ?? "") ? 2 : 1;
  const rest = words.slice(count);
  // Nothing is left that could take them: the error names what was written.
  if (rest.length === 0) return [...words];
  const end = rest.indexOf("--");
  return rest.toSpliced(end < 0 ? rest.length : end, 0, ...words.slice(0, count));
}
