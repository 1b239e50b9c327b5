import { useEffect, useState } from "preact/hooks";

/** What the program answers; undefined while it has not. */
export type Answer<T> = { readonly value: T } | { readonly error: string } | undefined;

/**
 * Asks the program, and again whenever what it depends on has changed. What was there stays until the new one is.
 *
 * @param path - with its query
 * @param depends - of which a change makes the answer old
 */
export function useAnswer<T>(path: string, depends: unknown): Answer<T> {
  const [answer, setAnswer] = useState<Answer<T>>(undefined);
  useEffect(() => {
    const ending = new AbortController();
    const ask = async () => {
      try {
        const response = await fetch(path, { signal: ending.signal });
        const text = await response.text();
        if (response.ok) return setAnswer({ value: JSON.parse(text) as T });
        setAnswer({ error: response.status === 502 ? (JSON.parse(text) as { error: string }).error : text });
      } catch (error) {
        if (!ending.signal.aborted)
          setAnswer({ error: `The program does not answer: ${(error as Error).message}` });
      }
    };
    void ask();
    return () => ending.abort();
  }, [path, depends]);
  return answer;
}
