import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { renew } from "../../src/certificates/renew.ts";
import { temporaryFolder } from "./folders.ts";
import { stockOras } from "./oras.ts";
import { start } from "./processes.ts";
import { startRegistry } from "./registry.ts";

/** The user of a private registry, and the password that it has at first. */
export const somebody = { username: "somebody", password: "s3cret-word" };

/** The real registry with TLS by a CA of its own, which asks for a password. */
export async function startPrivateRegistry() {
  const folder = temporaryFolder("private");
  const env = await stockOras();
  const { certificate, key, cas } = await renew("everything", undefined, ["localhost"], new Date());
  const file = (name: string, content: string) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const { stdout } = await start(["htpasswd", "-nbB", somebody.username, somebody.password]).ended;
  const tls = { certificate: file("tls.crt", certificate), key: file("tls.key", key) };
  const registry = await startRegistry({ tls, htpasswd: file("htpasswd", stdout) });
  const ca = cas.join("\n");
  file("ca.crt", ca);
  const host = registry.host.replace("127.0.0.1", "localhost");

  return {
    host,
    ca,
    stop: registry.stop,
    /** Writes a file beside those that are pushed. */
    file,
    /** Pushes something, and returns its digest. */
    push: async (reference: string, what = ["--artifact-type", "a/b"]): Promise<string> => {
      const login = ["--ca-file", "ca.crt", "--username", somebody.username, "--password-stdin"];
      const artifact = [`${host}/${reference}`, ...[...what, "--format", "go-template={{.digest}}"]];
      const ended = await start(["oras", "push", "--plain-http=false", ...artifact, ...login], {
        ...{ cwd: folder, env, input: somebody.password },
      }).ended;
      if (ended.code !== 0) throw new Error(ended.stderr);
      return ended.stdout.trim();
    },
    /** What a Secret of a step has with this password. */
    secretOf: (password: string) => {
      const auths = { [host]: { username: somebody.username, password } };
      return {
        type: "kubernetes.io/dockerconfigjson",
        stringData: { ".dockerconfigjson": JSON.stringify({ auths }), "ca.crt": ca },
      };
    },
  };
}
