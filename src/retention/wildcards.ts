/**
 * Whether a text is what a pattern stands for. It never comes back to a star before the last one: what lies between two stars
 * fits best where it fits first. So it takes at most pattern times text, whatever they are.
 *
 * @param pattern - parts, some of which are stars
 * @param text - parts
 * @param isStar - whether a part of the pattern stands for any number of parts, also none
 * @param fits - whether another part of the pattern stands for a part of the text
 */
export function matchesParts(
  pattern: ArrayLike<string>,
  text: ArrayLike<string>,
  isStar: (part: string) => boolean,
  fits: (part: string, of: string) => boolean,
): boolean {
  let next = 0;
  let star = -1;
  let taken = 0;
  for (let at = 0; at < text.length; ) {
    const part = pattern[next];
    if (part !== undefined && isStar(part)) {
      star = next++;
      taken = at;
    } else if (part !== undefined && fits(part, text[at] ?? "")) {
      next++;
      at++;
    } else if (star < 0) {
      return false;
    } else {
      next = star + 1;
      at = ++taken;
    }
  }
  while (next < pattern.length && isStar(pattern[next] ?? "")) next++;
  return next === pattern.length;
}

/**
 * Whether a text is what a pattern stands for, in which `*` stands for any characters.
 *
 * @param pattern - with stars
 * @param text - without
 */
export function matchesText(pattern: string, text: string): boolean {
  return matchesParts(
    pattern,
    text,
    (character) => character === "*",
    (a, b) => a === b,
  );
}

/**
 * Whether a repository is one of a glob: `*` stands for any characters within a part of its name, `**` for one part or
 * more.
 *
 * @param glob - such as `scratch/**`
 * @param repository - such as `scratch/run/7`
 */
export function matchesRepository(glob: string, repository: string): boolean {
  // One part or more is a part and any others.
  const parts = glob.split("/").flatMap((part) => (part === "**" ? ["*", "**"] : [part]));
  return matchesParts(parts, repository.split("/"), (part) => part === "**", matchesText);
}
