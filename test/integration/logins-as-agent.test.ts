import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { expect, it } from "vitest";
import { formatRegistry } from "../../src/annotations/reference.ts";
import { loginsFor, readStepSecret } from "../../src/controllers/step-logins.ts";
import { temporaryFolder } from "../support/folders.ts";
import { start } from "../support/processes.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");
/** Hosts, and what may be confused with them. */
const host = fc
  .tuple(
    fc.constantFrom("ghcr.io", "GHCR.io", "reg.local", "reg", "docker.io", "index.docker.io", "[fd00::1]"),
    fc.constantFrom("", ":443", ":80", ":8443"),
  )
  .map((parts) => parts.join(""));
const path = fc.array(fc.constantFrom("acme", "acmes", "v1", "v2", "v2x", "other"), { maxLength: 2 });
const repository = path.map((parts) => ["a", ...parts].slice(parts.length > 0 ? 1 : 0).join("/"));
const scheme = fc.constantFrom("", "https://", "http://");
const key = fc
  .tuple(
    scheme,
    fc.oneof(host, fc.constantFrom("*.io", "reg.*", "r*g.loc*", "*.*", "*", "g*r.io:443", "reg.*:8443")),
    path.map((parts) => parts.map((part) => `/${part}`).join("")),
    fc.constantFrom("", "/", "/Acme"),
  )
  .map((parts) => parts.join(""));
const registry = fc
  .tuple(scheme, host, path, fc.constantFrom("", "/"))
  .map(([before, at, parts, after]) => `${before}${[at, ...parts].join("/")}${after}`);
const cases = fc.record({
  keys: fc.uniqueArray(key, { maxLength: 8 }),
  hasPair: fc.boolean(),
  registry: fc.option(registry, { nil: undefined, freq: 1 }),
  passwordsFor: host,
  ...{ host, plainHttp: fc.boolean(), repository },
});

it("the operator asks with the logins that containers in the Pod ask with, and with no others", async () => {
  const made = fc.sample(cases, 2_000).map((one, i) => {
    const auths = Object.fromEntries(
      one.keys.map((text, at) => [text, { username: "u", password: `${at}` }]),
    );
    const pair = { ORAS_USER: "me", ORAS_PULL_PASS: "x", ORAS_PUSH_PASS: "x" };
    const secret = { ...(one.hasPair && pair), ...(one.registry && { registry: one.registry }) };
    const config = { auths };
    const texts = Object.entries({ ...secret, ".dockerconfigjson": JSON.stringify(config) });
    const read = readStepSecret(Object.fromEntries(texts.map(([name, text]) => [name, base64(text)])));
    // As a reference is known: in one way only.
    const url = formatRegistry({ host: withoutPort(one), plainHttp: one.plainHttp });
    const found = read && loginsFor(read, url, one.repository, one.passwordsFor);
    const logins = found && "logins" in found ? found.logins : undefined;
    expect(logins, JSON.stringify(one)).toBeDefined();
    const want = logins?.map((login) => Buffer.from(login.replace("Basic ", ""), "base64").toString());
    return { name: `${i}`, ...one, secret, config, want };
  });
  expect(made.filter(({ want }) => want?.length).length).toBeGreaterThan(150);
  const table = join(temporaryFolder("logins"), "table.json");
  await writeFile(table, JSON.stringify(made));
  const test = ["go", "-C", "agent", "test", "-count=1", "-run=^TestLoginsAsTheKubelet$"];
  const { code, stdout, stderr } = await start([...test, "./internal/credentials"], {
    env: { ...process.env, LOGINS_TABLE: table },
  }).ended;
  const failed = made.filter(({ name }) => stdout.includes(`TestLoginsAsTheKubelet/${name} `));
  expect(code, `${JSON.stringify(failed.slice(0, 5))}\n${stdout.slice(0, 1_500)}${stderr}`).toBe(0);
});

function withoutPort({ host, plainHttp }: { readonly host: string; readonly plainHttp: boolean }): string {
  const port = plainHttp ? ":80" : ":443";
  return (host.endsWith(port) ? host.slice(0, -port.length) : host).toLowerCase();
}
