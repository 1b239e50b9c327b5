import { parseChallenge } from "../common/challenge.ts";
import { type Answer, get, type Registries } from "./http.ts";
import { LookupError } from "./outcome.ts";

/**
 * The header with which a registry answers that wants a token, also of who has no login: public artifacts need one too.
 *
 * @param challenged - its answer with status 401
 * @param registries - how to reach them
 * @param login - as a header has it, if there is one
 * @throws a LookupError where it lets nobody in without a login, or whatever kept it from being asked
 * @see https://distribution.github.io/distribution/spec/auth/token/
 */
export async function authorize(
  challenged: Answer,
  registries: Registries,
  login: string | undefined,
): Promise<string> {
  const challenge = parseChallenge(String(challenged.headers["www-authenticate"] ?? ""));
  const realm = challenge?.parameters["realm"];
  if (challenge?.scheme !== "bearer" || realm === undefined) {
    if (login === undefined) throw refusal(challenged);
    return login;
  }
  const url = new URL(realm);
  if (url.protocol !== "https:") throw new Error(`its registry gives tokens over ${url.protocol}//`);
  for (const name of ["service", "scope"]) {
    const value = challenge.parameters[name];
    if (value !== undefined) url.searchParams.set(name, value);
  }
  const headers = { accept: "application/json", ...(login ? { authorization: login } : {}) };
  const answer = await get(url, headers, registries);
  if (answer.status !== 200) throw refusal(answer);
  const { token, access_token } = jsonOf(answer) as { token?: unknown; access_token?: unknown };
  return `Bearer ${[token, access_token].find((one) => typeof one === "string" && one !== "") ?? ""}`;
}

/** An answer that is not what was asked for. */
export class StatusError extends Error {
  override readonly name = "StatusError";
  readonly status: number;

  /**
   * @param status - of the answer
   * @param detail - for the operator's log
   */
  constructor(status: number, detail: string) {
    super(detail);
    this.status = status;
  }
}

/** A registry that refuses says so in JSON, with codes; another server's answer counts as none. */
export function refusal(answer: Answer): Error {
  const detail = `${answer.host} answers with status ${answer.status}`;
  const refuses = [401, 403, 404].includes(answer.status) && hasErrorCode(answer.body);
  return refuses ? new LookupError("notShown", detail) : new StatusError(answer.status, detail);
}

function hasErrorCode(body: Buffer): boolean {
  try {
    const { errors } = JSON.parse(body.toString()) as { errors?: { code?: unknown }[] };
    return typeof errors?.[0]?.code === "string";
  } catch {
    return false;
  }
}

/** The JSON of an answer. @throws where it has none */
export function jsonOf({ host, body }: Answer): object {
  let value: unknown;
  try {
    value = JSON.parse(body.toString());
  } catch {
    // Its own message would quote what was answered.
    throw new Error(`${host} answers with something that is not JSON`);
  }
  if (typeof value !== "object" || value === null) throw new Error(`${host} answers with no JSON object`);
  return value;
}
