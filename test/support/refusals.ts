import { expect } from "vitest";
import { KubeError } from "../../src/kube/errors.ts";

/**
 * What the API server says of a write that it has to refuse.
 *
 * @param write - that is under way
 */
export async function refusalOf(write: Promise<unknown>): Promise<string> {
  const error = await write.then(
    (done) => {
      throw new Error(`accepted: ${JSON.stringify(done)}`);
    },
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(KubeError);
  return (error as KubeError).body.message ?? "";
}

/**
 * The same of a write that one of the operator's policies has to refuse.
 *
 * @param policy - its name
 */
export async function refusalBy(policy: RegExp, write: Promise<unknown>): Promise<string> {
  const message = await refusalOf(write);
  const [, name] = /ValidatingAdmissionPolicy '([^']*)'/.exec(message) ?? [];
  expect(name, message).toMatch(policy);
  return message;
}
