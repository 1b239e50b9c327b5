import { names } from "./names.ts";

export interface ExitCode {
  /** Above those that shells and signals use, so that a Job's `podFailurePolicy` can distinguish them. */
  readonly code: number;
  /** Which container ends with it. */
  readonly container: string;
  readonly meaning: string;
  /** What to do. */
  readonly fix?: string;
}

const wrapped = "the wrapped container";
/** Without an init container, and beside an application script of the author's, all end with the same code. */
const pulling = `${names.pullContainer}, or ${names.pushContainer} and ${wrapped}`;

/** Exit codes of the containers that the operator adds, and of the wrapped one where starting or handing over fails. */
export const exitCodes = {
  inputNotFound: {
    code: 181,
    container: pulling,
    meaning: "An input is not in the registry.",
    fix: "Correct the name or the tag of input-uri, or wait for the step that pushes it (kubectl oras-cache wait) before you create this one.",
  },
  denied: {
    code: 182,
    container: pulling,
    meaning:
      "The registry denied access to an input, or does not take the output, for instance because its repository is not there; the program did not run.",
    fix: "Log in to the registry in the Secret of oras-env, correct the artifact's name, or make its repository.",
  },
  registryUnavailable: {
    code: 183,
    container: pulling,
    meaning: "The registry did not answer before the timeout, or only with errors of its own.",
    fix: "Look at kubectl oras-cache status: is the OrasCache there and Ready? Then create the step again.",
  },
  inputInvalid: {
    code: 184,
    container: pulling,
    meaning:
      "An input is not an artifact that can be unpacked, the shared volume has no room for it, or it is a volume without a digest.",
    fix: "Correct input-uri or unpack, give the shared volume more room, or create the step again; the message says which.",
  },
  setupFailed: {
    code: 185,
    container: `${names.installContainer}, ${pulling}, or keeper-init`,
    meaning:
      "The agent could not be put on the shared volume, a script could not be fetched, the Secret of oras-env or a certificate cannot be used, the registry does not speak the protocol of its URL, or the containers have agents of different releases. Of a registry: its key, its users or its volume cannot be used.",
    fix: "Correct what the message names, and create the step again.",
  },
  unpackFailed: {
    code: 186,
    container: `${wrapped}, also ${names.pushContainer} beside an entrypoint script`,
    meaning: "An input could not be unpacked; the program did not run.",
    fix: "The message says which input; make room where it is unpacked, or correct input-path.",
  },
  checkFailed: {
    code: 187,
    container: wrapped,
    meaning: "A path of the step is not usable; the program did not run.",
    fix: "Correct the path that the message names, and create the step again.",
  },
  pusherMissing: {
    code: 188,
    container: wrapped,
    meaning: "The container oras ended for good before the program could start; the program did not run.",
    fix: "Look at the log of the container oras, correct what it names and create the step again.",
  },
  outputFailed: {
    code: 189,
    container: wrapped,
    meaning:
      "The program succeeded, but its output could not be passed to the container oras, or nobody was there to take it.",
    fix: "Correct output-path, or what the program writes; the message says what was found. Then create the step again.",
  },
  pushFailed: {
    code: 190,
    container: names.pushContainer,
    meaning: "The output could not be pushed.",
    fix: "Look at kubectl oras-cache status and the message, and create the step again.",
  },
  envConflicts: {
    code: 191,
    container: "keeper-init",
    meaning:
      "The Secret of secrets.orasEnv has variables that decide what the OrasCache decides, such as REGISTRY_AUTH_…; the registry did not start.",
  },
  certificateUnusable: {
    code: 193,
    container: "keeper-init",
    meaning:
      "The Secret of tls.secretName holds no certificate that the registry could serve; it did not start.",
  },
  inputNeverCame: {
    code: 194,
    container: pulling,
    meaning:
      "An input that the step waits for did not come before wait-timeout was over; the program did not run.",
    fix: "Look at the step that pushes it. When the input is there, create this step again, or give it a longer wait-timeout.",
  },
  registryFull: {
    code: 192,
    container: pulling,
    meaning:
      "The volume of the registry is as full as storage.refuseAt of the OrasCache says, so that the output might not fit; the program did not run.",
    fix: "Remove artifacts, whose room is freed when retention runs, or make the volume larger. Then create the step again.",
  },
} as const satisfies Record<string, ExitCode>;

/** Exit codes of the containers of a step that a program may end with, too. */
export const sharedExitCodes = {
  notExecutable: {
    code: 126,
    container: wrapped,
    meaning:
      "The program cannot be executed and did not run, as the termination message says; without one, the code is the program's own.",
  },
  notFound: {
    code: 127,
    container: wrapped,
    meaning:
      "The program, or the interpreter that it names, is not in the container, as the termination message says; without one, the code is the program's own.",
  },
  killed: {
    code: 137,
    container: "any",
    meaning: "Ended by SIGKILL (128 + 9), often for lack of memory. Nothing of a killed attempt is pushed.",
  },
  terminated: {
    code: 143,
    container: "any",
    meaning:
      "Ended by SIGTERM (128 + 15), as when the Pod is deleted. The container oras ends so where nothing can be pushed any more because of that.",
  },
} as const satisfies Record<string, ExitCode>;

/** With these nothing has begun, and a second try would end in the same way: a container that ends so is not restarted. */
export const endsForGood: readonly number[] = [
  exitCodes.inputNotFound,
  exitCodes.denied,
  exitCodes.registryUnavailable,
  exitCodes.inputInvalid,
  exitCodes.setupFailed,
  exitCodes.registryFull,
  exitCodes.inputNeverCame,
].map(({ code }) => code);
