import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addressesOf, isPublic } from "../../../src/registry/addresses.ts";

describe("addresses that image lookups may ask", () => {
  it.each(["1.1.1.1", "140.82.112.33", "172.15.0.1", "172.32.0.1", "2606:4700::1111", "64:ff9b::808:808"])(
    "%s",
    (address) => expect(isPublic(address)).toBe(true),
  );

  it.each([
    // this machine, this link, private, carrier, multicast, reserved
    ...["127.0.0.1", "127.9.9.9", "0.0.0.0", "169.254.169.254", "10.96.0.1", "172.16.0.1", "192.168.1.1"],
    ...["100.64.0.1", "100.100.100.200", "198.18.0.1", "192.0.2.1", "224.0.0.1", "240.0.0.1"],
    ...["255.255.255.255", "168.63.129.16"],
    ...["::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1"],
    ...["2001:db8::1", "2001::1", "100::1", "5f00::1"],
    // the same within other addresses
    ...[
      "::ffff:127.0.0.1",
      "::ffff:a00:1",
      "::127.0.0.1",
      "64:ff9b::a00:1",
      "64:ff9b::7f00:1",
      "2002:7f00:1::",
    ],
    ...["64:ff9b:1::a00:1", "::ffff:0:7f00:1"],
    "",
    "localhost",
  ])("not %s", (address) => expect(isPublic(address)).toBe(false));

  it("nor those of the cluster's networks, wherever they are", () => {
    const networks = ["34.118.224.0/20", "2600:1f00::/108"];
    expect(isPublic("34.118.224.1", networks)).toBe(false);
    expect(isPublic("34.118.239.255", networks)).toBe(false);
    expect(isPublic("34.118.240.0", networks)).toBe(true);
    expect(isPublic("2600:1f00::a", networks)).toBe(false);
    expect(isPublic("2600:1f00::1:0:0", networks)).toBe(true);
    expect(isPublic("::ffff:34.118.224.1", networks)).toBe(false);
    expect(isPublic("64:ff9b::2276:e001", networks)).toBe(false);
  });

  it("whatever the text is, there is an answer", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.ipV4(), fc.ipV4Extended(), fc.ipV6()), (text) => {
        expect(typeof isPublic(text, ["10.0.0.0/8", "fd00::/8"])).toBe("boolean");
      }),
    );
  });
});

describe("the host of a URL", () => {
  const signal = new AbortController().signal;
  const reach = (...allowed: string[]) => ({ allowedHosts: new Set(allowed), clusterNetworks: () => [] });

  it("is refused if one of its addresses is not public, unless it is named with its port", async () => {
    const url = new URL("https://localhost:5000/v2/");
    await expect(addressesOf(url, reach(), signal)).rejects.toThrow("not public");
    await expect(addressesOf(url, reach("localhost", "localhost:5001"), signal)).rejects.toThrow(
      "not public",
    );
    expect(await addressesOf(url, reach("localhost:5000"), signal)).not.toEqual([]);
  });

  it.each([
    "https://0x7f.1/",
    "https://2130706433/",
    "https://127.1/",
    "https://[::ffff:127.0.0.1]/",
    "https://0/",
  ])("%s is seen through", (url) =>
    expect(addressesOf(new URL(url), reach(), signal)).rejects.toThrow("not public"),
  );

  it("is not waited for longer than the signal allows", async () => {
    const ended = AbortSignal.abort(new Error("too late"));
    await expect(addressesOf(new URL("https://localhost/"), reach(), ended)).rejects.toThrow("too late");
  });
});
