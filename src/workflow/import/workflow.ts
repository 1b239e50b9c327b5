/** One thing that is wrong with a file that is imported: where, and a sentence. */
export interface ImportProblem {
  /** Path of the field in the file, or what stands for one. */
  readonly at: string;
  readonly message: string;
}

/** A task as a file of another tool has it. */
export interface Task {
  /** Its place in the file, for messages. */
  readonly at: string;
  /** No other task has it. */
  readonly id: string;
  /** Ids of tasks that it comes after, besides those that make its inputs. */
  readonly after: readonly string[];
  /** Ids of tasks that it comes before, where the file says so on this end. */
  readonly before: readonly string[];
  /** Paths of files and folders that it reads, each once. */
  readonly inputs: readonly string[];
  /** Paths of files and folders that it makes, each once. */
  readonly outputs: readonly string[];
  /** What it runs; where there is none, a stand-in of the program makes its outputs. */
  readonly command?: Command | undefined;
  /** Where the file says which. */
  readonly image?: string | undefined;
}

/** What a task runs: an argument vector, or a text for the shell. */
export type Command = readonly string[] | string;

/** A workflow as a file of another tool has it. */
export interface Workflow {
  /** What it is called there. */
  readonly name: string;
  readonly tasks: readonly Task[];
  /** Sizes of files in bytes by their paths, where they are known. */
  readonly sizes: ReadonlyMap<string, number>;
}

/** What came out, or everything that is wrong. */
export type Imported<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly ImportProblem[] };
