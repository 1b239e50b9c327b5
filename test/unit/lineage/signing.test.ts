import { createPublicKey, generateKeyPairSync, verify } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nameOfKey, preAuthEncoding, signedBundle } from "../../../src/lineage/sign.ts";
import { readSigningKey } from "../../../src/lineage/signing-key.ts";
import { readBundle } from "../../../src/lineage/statement-media.ts";
import { ecKey, encryptedKey, secretData } from "../../support/signing-keys.ts";

const pem = ecKey();

async function keyIn(texts: Readonly<Record<string, string>>) {
  const found = await readSigningKey(secretData(texts));
  if ("problem" in found) throw new Error(found.problem);
  return found.key;
}

describe("a signed statement", () => {
  it("is what DSSE says that a signature is over", () => {
    // The example of the specification.
    expect(preAuthEncoding("http://example.com/HelloWorld", Buffer.from("hello world")).toString()).toBe(
      "DSSEv1 29 http://example.com/HelloWorld 11 hello world",
    );
  });

  it("verifies by the public key whatever is in it, and not if a byte of it is another one", async () => {
    const key = await keyIn({ "tls.key": pem });
    const half = createPublicKey(key);
    const verified = (type: string, payload: Buffer, sig: string) =>
      verify("sha256", preAuthEncoding(type, payload), half, Buffer.from(sig, "base64"));
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.nat(), (text, at) => {
        const bundle = signedBundle(text, key);
        expect(readBundle(bundle)).toEqual({ statement: Buffer.from(text).toString(), key: nameOfKey(half) });
        const { dsseEnvelope } = JSON.parse(bundle);
        const { payload, payloadType, signatures } = dsseEnvelope;
        const bytes = Buffer.from(payload, "base64");
        expect(verified(payloadType, bytes, signatures[0].sig)).toBe(true);
        const other = Buffer.from([...bytes, 0]);
        other[at % other.length] = (other[at % other.length] ?? 0) ^ 1;
        expect(verified(payloadType, other, signatures[0].sig)).toBe(false);
        expect(verified(`${payloadType}x`, bytes, signatures[0].sig)).toBe(false);
      }),
      { numRuns: 50 },
    );
  });
});

it("a bundle that anybody has written is read whatever it is", () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => void readBundle(text)));
  expect(readBundle(JSON.stringify({ verificationMaterial: { publicKey: { hint: "abc" } } }))).toEqual({
    statement: "",
  });
});

describe("a key to sign with", () => {
  it.each(["", "correct horse", "pässwörd\n"])(
    "is read as cosign encrypts it, with the password %j",
    async (password) => {
      const encrypted = { "cosign.key": encryptedKey(pem, password), "cosign.password": password };
      expect(nameOfKey(await keyIn(encrypted))).toBe(nameOfKey(await keyIn({ "tls.key": pem })));
      const older = encrypted["cosign.key"].replaceAll("SIGSTORE", "COSIGN");
      expect(nameOfKey(await keyIn({ ...encrypted, "cosign.key": older }))).toBe(
        nameOfKey(createPublicKey(pem)),
      );
    },
  );

  const rsa = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const locked = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "hunter2" },
  });
  it.each([
    ["nothing", {}, "neither cosign.key"],
    ["a public key", { "cosign.pub": locked.publicKey }, "neither cosign.key"],
    [
      "another password",
      { "cosign.key": encryptedKey(pem, "hunter2"), "cosign.password": "x" },
      "does not open",
    ],
    ["no password", { "cosign.key": encryptedKey(pem, "hunter2") }, "does not open"],
    ["a plain key as cosign.key", { "cosign.key": pem }, "goes into tls.key"],
    [
      "one that is cut off",
      { "cosign.key": encryptedKey(pem, "").slice(0, 300) },
      "is no private key of cosign",
    ],
    [
      "one that asks for much memory",
      { "cosign.key": encryptedKey(pem, "", { N: 2 ** 30 }) },
      "in another way",
    ],
    ["one that asks for much time", { "cosign.key": encryptedKey(pem, "", { p: 1e9 }) }, "in another way"],
    ["one with no number", { "cosign.key": encryptedKey(pem, "", { N: "x" }) }, "in another way"],
    ["RSA", { "tls.key": rsa.privateKey }, "of the kind rsa"],
    ["RSA by cosign", { "cosign.key": encryptedKey(rsa.privateKey, "") }, "of the kind rsa"],
    ["another curve", { "tls.key": ecKey("P-384") }, "of the kind ec secp384r1"],
    ["one that is encrypted", { "tls.key": locked.privateKey }, "no private key that is not encrypted"],
    ["a public half", { "tls.key": locked.publicKey }, "no private key"],
    ["no key", { "tls.key": "hunter2" }, "no private key"],
  ])("is not made of %s, which is said without what is secret", async (_, texts, words) => {
    const found = await readSigningKey(secretData(texts));
    const problem = "problem" in found ? found.problem : "";
    expect(problem).toContain(words);
    expect(problem).not.toContain("hunter2");
  });
});
