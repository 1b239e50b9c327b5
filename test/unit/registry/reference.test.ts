import { describe, expect, it } from "vitest";
import { parseImage } from "../../../src/registry/reference.ts";

const digest = `sha256:${"a".repeat(64)}`;

describe("names of images", () => {
  it.each([
    ["busybox", "registry-1.docker.io", "library/busybox", "latest"],
    ["perl:5.34.0", "registry-1.docker.io", "library/perl", "5.34.0"],
    ["docker.io/bitnami/git", "registry-1.docker.io", "bitnami/git", "latest"],
    ["ghcr.io/a/b/c:1", "ghcr.io", "a/b/c", "1"],
    [`ghcr.io/a@${digest}`, "ghcr.io", "a", digest],
    ["localhost:5000/a", "localhost:5000", "a", "latest"],
    ["[2001:db8::1]:5000/a__b--c:1", "[2001:db8::1]:5000", "a__b--c", "1"],
    [`host.example/a:tag@${digest}`, "host.example", "a", digest],
  ])("%s", (image, host, repository, version) => {
    const isDigest = version.startsWith("sha256:");
    expect(parseImage(image)).toEqual({ host, repository, version, isDigest });
  });

  it.each([
    "busybox@latest",
    "h.example/a:1@latest",
    "h.example/a@sha256",
    "h.example/a@",
    `h.example/a:@${digest}`,
  ])("%s has no digest after its @, so it is none", (image) => {
    expect(parseImage(image)).toBeUndefined();
  });

  it.each([
    "ghcr..io",
    "a.-b",
    "a-.b",
    "h.example:65536",
    "h.example:0",
    "[:::::::]",
    "[1::2::3]",
    "[::1]:99999",
    `${"a".repeat(64)}.b`,
  ])("%s is no host", (host) => {
    expect(parseImage(`${host}/a:1`)).toBeUndefined();
  });

  it.each([
    "h.example:65535",
    "[::]",
    "[1:2:3:4:5:6:7:8]",
    "[1::8]:5000",
    "a-b.c--d:1",
    "xn--bcher-kva.example",
  ])("%s is a host", (host) => {
    expect(parseImage(`${host}/a:1`)?.host).toBe(host);
  });

  it.each([
    "",
    "A",
    "a/../b",
    "h.example/../a:1",
    "h.example/a/..%2f..%2fb",
    "h.example/a//b",
    "h.example/.a",
    "h.example/a:../manifests/x",
    "h.example/a:1?x=y",
    "h.example/a:1#x",
    "h.example/a@sha256:abc",
    "h.example/a@sha256:../../x",
    "user:password@h.example/a",
    "h.example\\@evil.example/a",
    "h.example:99:1/a",
    "h.example /a",
    "é.example/a",
    "$(HOST)/a",
    `h.example/${"a/".repeat(130)}b`,
    "@".repeat(200_000),
    "/".repeat(200_000),
    ":".repeat(200_000),
  ])("%.40j is none", (image) => {
    expect(parseImage(image)).toBeUndefined();
  });
});
