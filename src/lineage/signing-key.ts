import { createPrivateKey, type KeyObject, scrypt } from "node:crypto";
import { promisify } from "node:util";
import { secretbox } from "@noble/ciphers/salsa.js";

/** A key to sign with; or, in words that have nothing of the key in them, why there is none. */
export type SigningKey = { readonly key: KeyObject } | { readonly problem: string };

/** As `cosign generate-key-pair k8s://` names them, and as Secrets of type kubernetes.io/tls do. */
const names = { encrypted: "cosign.key", password: "cosign.password", plain: "tls.key" } as const;

/** Each as cosign has written it. @see https://github.com/sigstore/cosign/blob/v3.1.3/pkg/cosign/keys.go */
const armor =
  /-----BEGIN ENCRYPTED (SIGSTORE|COSIGN) PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END ENCRYPTED \1 PRIVATE KEY-----/;

/** What cosign has always written. With more, whoever can write a Secret could take the operator's memory: 128 * N * r bytes. */
const most = { N: 65_536, r: 8, p: 1 };
const memory = 2 * 128 * most.N * most.r;
const derive = promisify<Buffer, Buffer, number, typeof most & { maxmem: number }, Buffer>(scrypt);

/**
 * Reads a key to sign with.
 *
 * @param data - of a Secret, as the API server has it
 */
export async function readSigningKey(data: Readonly<Record<string, string>> = {}): Promise<SigningKey> {
  const bytesIn = (name: string) => Buffer.from(data[name] ?? "", "base64");
  if (data[names.encrypted] !== undefined)
    return decrypted(bytesIn(names.encrypted).toString(), bytesIn(names.password));
  if (data[names.plain] !== undefined) return keyFrom(names.plain, bytesIn(names.plain), "pem");
  return {
    problem: `neither ${names.encrypted}, as cosign generate-key-pair writes it, nor ${names.plain} is there`,
  };
}

async function decrypted(text: string, password: Buffer): Promise<SigningKey> {
  const found = armor.exec(text)?.[2];
  if (found === undefined) {
    const problem = `${names.encrypted} is no private key of cosign, which begins with -----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----; one that is not encrypted goes into ${names.plain}`;
    return { problem };
  }
  const sealed = sealedIn(Buffer.from(found, "base64").toString());
  if (sealed === undefined) {
    const problem = `${names.encrypted} is encrypted in another way than cosign does it, by scrypt with N up to ${most.N}, r ${most.r} and p ${most.p}, and nacl/secretbox`;
    return { problem };
  }
  const secret = await derive(password, sealed.salt, 32, { ...most, N: sealed.N, maxmem: memory });
  try {
    const der = secretbox(secret, sealed.nonce).open(sealed.ciphertext);
    return keyFrom(names.encrypted, Buffer.from(der), "der");
  } catch {
    return { problem: `${names.encrypted} does not open with the password in ${names.password}` };
  }
}

/** How a key is encrypted. */
interface Sealed {
  readonly N: number;
  readonly salt: Buffer;
  readonly nonce: Buffer;
  readonly ciphertext: Buffer;
}

function sealedIn(text: string): Sealed | undefined {
  const { kdf, cipher, ciphertext } = fieldsOf(jsonOf(text));
  const { name: derivation, params, salt } = fieldsOf(kdf);
  const { name: sealing, nonce } = fieldsOf(cipher);
  const { N, r, p } = fieldsOf(params);
  const bytesOf = (value: unknown) => Buffer.from(typeof value === "string" ? value : "", "base64");
  const sealed = {
    N: Number(N),
    salt: bytesOf(salt),
    nonce: bytesOf(nonce),
    ciphertext: bytesOf(ciphertext),
  };
  const isKnown =
    derivation === "scrypt" &&
    sealing === "nacl/secretbox" &&
    r === most.r &&
    p === most.p &&
    isPowerOfTwo(sealed.N) &&
    sealed.N <= most.N &&
    sealed.nonce.length === 24 &&
    sealed.ciphertext.length > 16;
  return isKnown ? sealed : undefined;
}

function isPowerOfTwo(value: number): boolean {
  return Number.isInteger(Math.log2(value)) && value > 1;
}

/** What cosign verifies by default, and what it makes. */
function keyFrom(name: string, bytes: Buffer, format: "pem" | "der"): SigningKey {
  const key = privateKey(bytes, format);
  if (key === undefined) return { problem: `${name} is no private key that is not encrypted, in PEM` };
  const { namedCurve } = key.asymmetricKeyDetails ?? {};
  if (namedCurve === "prime256v1") return { key };
  const kind = [key.asymmetricKeyType, namedCurve].filter(Boolean).join(" ");
  return { problem: `${name} is a key of the kind ${kind}; only EC keys of the curve P-256 are taken` };
}

/** What OpenSSL says of a key that it cannot read is not passed on. */
function privateKey(bytes: Buffer, format: "pem" | "der"): KeyObject | undefined {
  try {
    return format === "pem"
      ? createPrivateKey(bytes)
      : createPrivateKey({ key: bytes, format: "der", type: "pkcs8" });
  } catch {
    return undefined;
  }
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
