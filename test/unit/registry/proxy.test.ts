import { expect, it } from "vitest";
import { proxyFor } from "../../../src/registry/proxy.ts";

const proxy = "http://proxy.example:3128";
const goesByProxy = (url: string, NO_PROXY = "") => {
  const found = proxyFor(new URL(url), { HTTPS_PROXY: proxy, NO_PROXY });
  expect([proxy, undefined]).toContain(found);
  return found !== undefined;
};

it("there is none unless the installation names one", () => {
  const url = new URL("https://ghcr.io/v2/");
  expect(proxyFor(url, {})).toBeUndefined();
  expect(proxyFor(url, { HTTPS_PROXY: "", NO_PROXY: "" })).toBeUndefined();
  expect(proxyFor(url, { HTTPS_PROXY: proxy })).toBe(proxy);
  expect(proxyFor(url, { HTTPS_PROXY: proxy, NO_PROXY: "ghcr.io" })).toBeUndefined();
});

it.each([
  ["https://ghcr.io/", "", true],
  ["https://ghcr.io/", "ghcr.io", false],
  ["https://a.ghcr.io/", "ghcr.io", false],
  ["https://xghcr.io/", "ghcr.io", true],
  ["https://a.example.com/", ".example.com, other", false],
  ["https://example.com/", "*.example.com", false],
  ["https://A.Example.com/", "EXAMPLE.com", false],
  ["https://example.com.evil/", "example.com", true],
  ["https://h.example:5000/", "h.example:5000", false],
  ["https://h.example:5001/", "h.example:5000", true],
  ["https://h.example/", "h.example:443", false],
  ["https://10.1.2.3/", "10.0.0.0/8", false],
  ["https://11.1.2.3/", "10.0.0.0/8 fd00::/8", true],
  ["https://[fd00::1]/", "fd00::/8", false],
  ["https://[fd00::1]/", "fd00::1", false],
  ["https://[fd00::1]:5000/", "[fd00::1]:5000", false],
  ["https://10.1.2.3/", "10.1.2.3", false],
  ["https://h.example/", "*", false],
  ["https://h.example/", ",,", true],
])("%s beside %j: %s", (url, noProxy, by) => expect(goesByProxy(url, noProxy)).toBe(by));
