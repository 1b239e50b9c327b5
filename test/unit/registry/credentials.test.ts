import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { authorizationFor } from "../../../src/registry/credentials.ts";
import { type ImageReference, parseImage } from "../../../src/registry/reference.ts";

const auth = (text: string) => Buffer.from(text).toString("base64");
const config = (...keys: string[]) =>
  JSON.stringify({ auths: Object.fromEntries(keys.map((key) => [key, { auth: auth(key) }])) });
const reference = (image: string) => parseImage(image) as ImageReference;
/** The key whose password is taken. */
const taken = (image: string, ...keys: string[]) => {
  const basic = authorizationFor([config(...keys)], reference(image));
  return basic && Buffer.from(basic.replace("Basic ", ""), "base64").toString();
};

describe("the password for an image", () => {
  it.each([
    ["ghcr.io/a/b:1", ["ghcr.io"], "ghcr.io"],
    ["ghcr.io/a/b:1", ["https://ghcr.io/v2/"], "https://ghcr.io/v2/"],
    ["ghcr.io/a/b:1", ["ghcr.io", "ghcr.io/a", "ghcr.io/a/c"], "ghcr.io/a"],
    ["busybox", ["https://index.docker.io/v1/"], "https://index.docker.io/v1/"],
    ["docker.io/a/b", ["docker.io"], "docker.io"],
    ["eu.gcr.example/a", ["*.gcr.example"], "*.gcr.example"],
    ["localhost:5000/a", ["localhost:5000"], "localhost:5000"],
    // As the kubelet: a path may end anywhere, and any part of a name may be left open.
    ["ghcr.io/ab/c", ["ghcr.io/a"], "ghcr.io/a"],
    ["ghcr.io/a", ["*hcr.io"], "*hcr.io"],
    ["ghcr.io/a", ["hcr.io", "ghcr.io.example", "ghcr-io", "*", "*ghcrx*.io"], undefined],
    ["reg.local:8443/a", ["reg.*", "*.local"], undefined],
    ["ghcr.io/acme/other", ["ghcr.io/acme/v2"], undefined],
    ["ghcr.io/acme/x", ["https://ghcr.io/v1/acme"], "https://ghcr.io/v1/acme"],
    // It is the same server, but the kubelet has no login for it.
    ["ghcr.io/a", ["ghcr.io:443"], undefined],
    ["ghcr.io:443/a", ["ghcr.io"], undefined],
    ["a.b.gcr.example/a", ["*.gcr.example"], undefined],
    ["localhost:5000/a", ["localhost", ""], undefined],
  ])("%s of %j is that of %s", (image, keys, key) => {
    expect(taken(image, ...keys)).toBe(key);
  });

  it("may be written as name and password", () => {
    const text = JSON.stringify({ auths: { "ghcr.io": { username: "me", password: "p:q" } } });
    expect(authorizationFor([text], reference("ghcr.io/a"))).toBe(`Basic ${auth("me:p:q")}`);
  });

  it("is never sent to a host that no key names, whatever is in the Secrets", () => {
    const text = fc.oneof(
      fc.string(),
      fc.json(),
      fc.json().map((auths) => `{"auths":${auths}}`),
    );
    fc.assert(
      fc.property(fc.array(text), (configs) => {
        expect(authorizationFor(configs, reference("registry.example/a/b"))).toBeUndefined();
      }),
    );
  });
});
