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
    expect(parseImage(image)).toEqual({ host, repository, version });
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
