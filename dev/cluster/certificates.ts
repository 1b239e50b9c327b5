import "reflect-metadata";
import { webcrypto } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as x509 from "@peculiar/x509";
import { network, state } from "./paths.ts";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const validDays = 365;

/** A certificate and its key, as PEM. */
export interface Pair {
  readonly certificate: string;
  readonly key: string;
}

interface Ca {
  readonly certificate: x509.X509Certificate;
  readonly keys: webcrypto.CryptoKeyPair;
}

/** Who a certificate speaks for. */
interface Subject {
  readonly name: string;
  /** Kubernetes reads groups from the organization. */
  readonly group?: string;
  /** Names and addresses of a server. */
  readonly hosts?: readonly string[];
}

const subjects = {
  "kube-apiserver": {
    name: "kube-apiserver",
    hosts: [
      "kubernetes",
      "kubernetes.default",
      "kubernetes.default.svc",
      `kubernetes.default.svc.${network.domain}`,
      "localhost",
      "127.0.0.1",
      network.apiService,
      network.nodeAddress,
    ],
  },
  "kubelet-server": { name: network.nodeName, hosts: [network.nodeName, network.nodeAddress] },
  "kubelet-client": { name: "kube-apiserver-kubelet-client", group: "system:masters" },
  admin: { name: "oras-operator-admin", group: "system:masters" },
  "kube-controller-manager": { name: "system:kube-controller-manager" },
  "kube-scheduler": { name: "system:kube-scheduler" },
  kubelet: { name: `system:node:${network.nodeName}`, group: "system:nodes" },
  "kube-proxy": { name: "system:kube-proxy" },
  "kube-router": { name: "kube-router", group: "system:masters" },
  coredns: { name: "coredns", group: "system:masters" },
} as const satisfies Record<string, Subject>;

/** Names of the certificates that the cluster's own CA signs. */
export type CertificateName = keyof typeof subjects;

/** What {@link issueCertificates} made; the same is on disk. */
export interface Certificates {
  readonly ca: string;
  readonly pairs: Readonly<Record<CertificateName, Pair>>;
}

/**
 * Issues every certificate of the cluster and writes `NAME.crt` and `NAME.key` into the certificates' folder.
 *
 * The front proxy has another CA: with the cluster's, every client certificate would be allowed to act
 * for anybody (kubernetes.io, "Configure the Aggregation Layer").
 */
export async function issueCertificates(): Promise<Certificates> {
  await mkdir(state.certificates, { recursive: true, mode: 0o700 });
  const ca = await newCa("oras-operator-cluster");
  const frontProxyCa = await newCa("oras-operator-front-proxy");
  await write("ca", await pair(ca.certificate, ca.keys));
  await write("front-proxy-ca", await pair(frontProxyCa.certificate, frontProxyCa.keys));
  await write("front-proxy-client", await issue(frontProxyCa, { name: "front-proxy-client" }));

  const signing = await newKeys();
  await writeFile(file("service-account.key"), await keyPem(signing), { mode: 0o600 });
  const publicKey = await webcrypto.subtle.exportKey("spki", signing.publicKey);
  await writeFile(file("service-account.pub"), x509.PemConverter.encode(publicKey, "PUBLIC KEY"));

  const issued = await Promise.all(
    Object.entries(subjects).map(async ([name, subject]) => {
      const made = await issue(ca, subject);
      await write(name, made);
      return [name, made] as const;
    }),
  );
  return {
    ca: ca.certificate.toString("pem"),
    pairs: Object.fromEntries(issued) as Record<CertificateName, Pair>,
  };
}

/** Path of a file in the certificates' folder. */
export function file(name: string): string {
  return join(state.certificates, name);
}

async function write(name: string, { certificate, key }: Pair): Promise<void> {
  await writeFile(file(`${name}.crt`), certificate);
  await writeFile(file(`${name}.key`), key, { mode: 0o600 });
}

async function newCa(name: string): Promise<Ca> {
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    keys,
    signingAlgorithm: algorithm,
    ...validity(),
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.digitalSignature, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate, keys };
}

async function issue(ca: Ca, subject: Subject): Promise<Pair> {
  const keys = await newKeys();
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;
  const certificate = await x509.X509CertificateGenerator.create({
    subject: [...(subject.group ? [{ O: [subject.group] }] : []), { CN: [subject.name] }],
    issuer: ca.certificate.subject,
    publicKey: keys.publicKey,
    signingKey: ca.keys.privateKey,
    signingAlgorithm: algorithm,
    ...validity(),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([subject.hosts ? serverAuth : clientAuth]),
      ...(subject.hosts ? [new x509.SubjectAlternativeNameExtension(subject.hosts.map(hostName))] : []),
    ],
  });
  return pair(certificate, keys);
}

function hostName(host: string): x509.JsonGeneralName {
  return { type: /^[\d.]+$/.test(host) ? "ip" : "dns", value: host };
}

function validity(): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - 3_600_000), notAfter: new Date(now + validDays * 86_400_000) };
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
}

async function pair(certificate: x509.X509Certificate, keys: webcrypto.CryptoKeyPair): Promise<Pair> {
  return { certificate: `${certificate.toString("pem")}\n`, key: await keyPem(keys) };
}

async function keyPem(keys: webcrypto.CryptoKeyPair): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey), "PRIVATE KEY");
}
