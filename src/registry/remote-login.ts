import type { Answer, Registries } from "./http.ts";
import { LookupError } from "./outcome.ts";
import { authorize, StatusError } from "./token.ts";

/** What a remote registry answers; or that it lets none of the logins in, or does not show what was asked for to them. */
export type ByLogin = { readonly answer: Answer } | { readonly denied: "login" | "artifact" };

/**
 * Asks a remote registry, as anybody where that is enough.
 *
 * @param host - that is asked, with its port
 * @param send - asks it, with a header where that is given
 * @param registries - how to reach who gives tokens
 * @param logins - as headers have them: the first that is let in counts; without one, it is asked as anybody
 * @param refused - is called with each login that is not let in
 * @throws what `authorize` throws for who has no login; whatever kept it from being asked
 */
export async function askByLogin(
  host: string,
  send: (headers: Readonly<Record<string, string>>) => Promise<Answer>,
  registries: Registries,
  logins: readonly string[],
  refused: (login: string) => void,
): Promise<ByLogin> {
  const first = await send({});
  if (first.status !== 401 || first.host !== host) return { answer: first };
  if (logins.length === 0)
    return { answer: await send({ authorization: await authorize(first, registries, undefined) }) };
  let denied: ByLogin = { denied: "login" };
  for (const login of logins) {
    const authorization = await authorizationBy(login, first, registries);
    const answer = authorization === undefined ? undefined : await send({ authorization });
    if (answer && answer.status !== 401 && answer.status !== 403) return { answer };
    // Whoever got a token is known, and may not see it.
    if (answer?.status === 403 || (answer && authorization !== login)) denied = { denied: "artifact" };
    else refused(login);
  }
  return denied;
}

/** The header with which a login is shown; undefined where who gives the tokens refuses it. */
async function authorizationBy(
  login: string,
  first: Answer,
  registries: Registries,
): Promise<string | undefined> {
  if (login.startsWith("Bearer ")) return login;
  try {
    return await authorize(first, registries, login);
  } catch (error) {
    const isRefused =
      error instanceof LookupError
        ? error.reason === "notShown"
        : error instanceof StatusError && [401, 403].includes(error.status);
    if (isRefused) return undefined;
    throw error;
  }
}
