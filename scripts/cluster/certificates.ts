import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "./process.ts";

/** Who a certificate is for. */
export interface Subject {
  /** File name, without extension. */
  readonly name: string;
  /** Common name: the user. */
  readonly user: string;
  /** Organization: the group. */
  readonly group?: string;
  /** DNS names and addresses of a server, as `DNS:…` and `IP:…`. */
  readonly alternatives?: readonly string[];
}

/** Issues the certificates of a cluster with openssl: one CA, a second one for the aggregation layer, a key pair each. */
export async function issueCertificates(folder: string, subjects: readonly Subject[]): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const at = (file: string) => join(folder, file);
  const key = (name: string) => ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", at(`${name}.key`)];
  for (const ca of ["ca", "proxy-ca"]) {
    await run(["openssl", "req", "-x509", ...key(ca), "-out", at(`${ca}.crt`), "-days", "3650", "-subj", `/CN=${ca}`]);
  }
  for (const { name, user, group, alternatives } of subjects) {
    const subject = `${group ? `/O=${group}` : ""}/CN=${user}`;
    await run(["openssl", "req", "-new", ...key(name), "-out", at(`${name}.csr`), "-subj", subject]);
    const usage = alternatives ? `subjectAltName=${alternatives.join(",")}\n` : "";
    writeFileSync(at(`${name}.ext`), `${usage}extendedKeyUsage=clientAuth,serverAuth\n`);
    await run([
      ...["openssl", "x509", "-req", "-in", at(`${name}.csr`), "-CA", at("ca.crt"), "-CAkey", at("ca.key")],
      ...["-CAcreateserial", "-days", "3650", "-extfile", at(`${name}.ext`), "-out", at(`${name}.crt`)],
    ]);
  }
  await run(["openssl", "genrsa", "-out", at("service-account.key"), "2048"]);
}

/** A kubeconfig that names certificate files. */
export function kubeconfig(server: string, folder: string, name: string): string {
  const config = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "local",
    clusters: [{ name: "local", cluster: { server, "certificate-authority": join(folder, "ca.crt") } }],
    users: [
      {
        name,
        user: { "client-certificate": join(folder, `${name}.crt`), "client-key": join(folder, `${name}.key`) },
      },
    ],
    contexts: [{ name: "local", context: { cluster: "local", user: name } }],
  };
  return JSON.stringify(config, null, 2);
}
