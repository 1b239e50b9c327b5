/**
 * Indexes of a Job in one text, as the Job controller writes them in `completedIndexes`: in order, three and more in a row as a
 * range.
 *
 * @param indexes - none twice
 * @returns such as `0,2-4`
 */
export function indexText(indexes: Iterable<number>): string {
  const rows: [first: number, last: number][] = [];
  for (const index of [...indexes].toSorted((a, b) => a - b)) {
    const row = rows.at(-1);
    if (row && row[1] === index - 1) row[1] = index;
    else rows.push([index, index]);
  }
  return rows
    .map(([first, last]) =>
      first === last ? `${first}` : `${first}${last === first + 1 ? "," : "-"}${last}`,
    )
    .join(",");
}

/**
 * The indexes in such a text, in its order.
 *
 * @param text - as the API server has it, or somebody has written it; undefined: all
 * @param count - how many there are: others are left out
 */
export function indexesIn(text: string | undefined, count: number): ReadonlySet<number> {
  const found = new Set<number>();
  for (const row of (text ?? `0-${count - 1}`).split(",")) {
    const [, first = "", last = first] = /^(\d+)(?:-(\d+))?$/.exec(row) ?? [];
    if (first === "") continue;
    for (let index = Number(first); index <= Math.min(Number(last), count - 1); index++) found.add(index);
  }
  return found;
}
