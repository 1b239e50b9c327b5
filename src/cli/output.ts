/** An error that is told to the person at the terminal in one message, without a stack. */
export class CliError extends Error {
  readonly exitCode: number;

  /**
   * @param message - what was found, where, and what to do
   * @param exitCode - 1: what was checked is wrong; 2: the command was used wrongly
   */
  constructor(message: string, exitCode: 1 | 2) {
    super(message);
    this.exitCode = exitCode;
  }
}
