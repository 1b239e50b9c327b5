import fc from "fast-check";

/** A workflow as it is drawn at random: who comes after whom, and by what. */
export interface DrawnDag {
  readonly ids: readonly string[];
  /** Pairs of places in `ids`: the second needs what the first makes, by a file or only by being named. */
  readonly edges: readonly (readonly [from: number, to: number, by: "file" | "parent" | "child"])[];
  /** Files that nobody makes: which tasks read them. */
  readonly given: readonly (readonly number[])[];
}

const idOf = fc.oneof(
  fc.string({ minLength: 1, maxLength: 90 }),
  fc.stringMatching(/^[A-Za-z0-9_.-]{1,12}$/),
  fc.constantFrom("A", "a", "a-", "-", "given", "a_1", "a.1", "ä", "$(RUN)", "it's"),
);

/** Workflows without a circle, whose tasks stand in any order. */
export const drawnDag: fc.Arbitrary<DrawnDag> = fc
  .uniqueArray(idOf, { minLength: 1, maxLength: 12 })
  .chain((ids) => {
    const place = fc.nat({ max: ids.length - 1 });
    const order = fc.shuffledSubarray([...ids.keys()], { minLength: ids.length, maxLength: ids.length });
    const edge = fc.tuple(
      place,
      place,
      fc.constantFrom("file" as const, "parent" as const, "child" as const),
    );
    const given = fc.array(fc.uniqueArray(place, { minLength: 1 }), { maxLength: 4 });
    return fc.record({ order, edges: fc.array(edge, { maxLength: 30 }), given }).map((drawn) => ({
      ids,
      given: drawn.given,
      // From what is earlier in a random order to what is later: there is no circle.
      edges: drawn.edges
        .filter(([a, b]) => a !== b)
        .map(([a, b, by]) => {
          const forward = drawn.order.indexOf(a) < drawn.order.indexOf(b);
          return forward ? ([a, b, by] as const) : ([b, a, by] as const);
        }),
    }));
  });

const fileOf = (from: number) => `out/${from}.txt`;
const named = (dag: DrawnDag, at: number, by: string) => ({
  before: dag.edges.filter(([, to, how]) => to === at && how === by).map(([from]) => from),
  behind: dag.edges.filter(([from, , how]) => from === at && how === by).map(([, to]) => to),
});
const unique = <T>(all: readonly T[]) => [...new Set(all)];

/** What a task of the workflow reads, makes and names. */
function taskOf(dag: DrawnDag, at: number) {
  const given = dag.given.flatMap((readers, file) => (readers.includes(at) ? [`given ${file}`] : []));
  const ids = (places: readonly number[]) => unique(places).map((place) => dag.ids[place]);
  return {
    inputs: unique([...named(dag, at, "file").before.map(fileOf), ...given]),
    outputs: named(dag, at, "file").behind.length > 0 ? [fileOf(at)] : [],
    parents: ids(named(dag, at, "parent").before),
    children: ids(named(dag, at, "child").behind),
  };
}

/** The same workflow as a file in WfFormat of a version. */
export function wfFormatOf(dag: DrawnDag, schemaVersion: "1.4" | "1.5" | "1.6"): object {
  const tasks = dag.ids.map((id, at) => ({ id, ...taskOf(dag, at) }));
  const files = unique(tasks.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]));
  const workflow =
    schemaVersion === "1.4"
      ? {
          tasks: tasks.map(({ id, parents, children, inputs, outputs }) => ({
            ...{ name: id, parents, children },
            files: [
              ...inputs.map((name) => ({ name, sizeInBytes: 10, link: "input" })),
              ...outputs.map((name) => ({ name, sizeInBytes: 10, link: "output" })),
            ],
          })),
        }
      : {
          specification: {
            tasks: tasks.map(({ id, parents, children, inputs, outputs }) => ({
              ...{ name: "any", id, parents, children, inputFiles: inputs, outputFiles: outputs },
            })),
            files: files.map((id) => ({ id, sizeInBytes: 10 })),
          },
        };
  return { name: "drawn", schemaVersion, workflow };
}
