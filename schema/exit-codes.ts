import { names } from "./names.ts";

interface ExitCode {
  /** Above those that shells and signals use, so that a Job's `podFailurePolicy` can distinguish them. */
  readonly code: number;
  /** Which container ends with it. */
  readonly container: string;
  readonly meaning: string;
}

const wrapped = "the wrapped container";
/** Without an init container all end with the same code. */
const pulling = `${names.pullContainer}, or ${names.pushContainer} and the wrapped container`;

/** Exit codes of the containers that the operator adds, and of the wrapped one where starting or handing over fails. */
export const exitCodes = {
  inputNotFound: {
    code: 181,
    container: pulling,
    meaning: "An input is not in the registry.",
  },
  denied: {
    code: 182,
    container: pulling,
    meaning: "The registry denied access to an input or to the output.",
  },
  registryUnavailable: {
    code: 183,
    container: pulling,
    meaning: "The registry did not answer before the timeout.",
  },
  inputInvalid: {
    code: 184,
    container: pulling,
    meaning: "An input is not an artifact that can be unpacked.",
  },
  setupFailed: {
    code: 185,
    container: pulling,
    meaning:
      "The agent could not be copied, a script could not be fetched, or the registry does not speak the protocol of its URL.",
  },
  unpackFailed: {
    code: 186,
    container: wrapped,
    meaning: "An input could not be unpacked; the program did not run.",
  },
  checkFailed: {
    code: 187,
    container: wrapped,
    meaning: "A path of the step is not usable; the program did not run.",
  },
  pusherMissing: {
    code: 188,
    container: wrapped,
    meaning: "The container oras ended for good before the program could start; the program did not run.",
  },
  outputFailed: {
    code: 189,
    container: wrapped,
    meaning:
      "The program succeeded, but its output could not be passed to the container oras, or nobody was there to take it.",
  },
  pushFailed: {
    code: 190,
    container: names.pushContainer,
    meaning: "The output could not be pushed.",
  },
} as const satisfies Record<string, ExitCode>;

/** With these nothing has begun, and a second try would end in the same way: a container that ends so is not restarted. */
export const endsForGood: readonly number[] = [
  exitCodes.inputNotFound,
  exitCodes.denied,
  exitCodes.registryUnavailable,
  exitCodes.inputInvalid,
  exitCodes.setupFailed,
].map(({ code }) => code);
