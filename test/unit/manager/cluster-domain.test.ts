import fc from "fast-check";
import { expect, it } from "vitest";
import { clusterDomainIn } from "../../../src/manager/cluster-domain.ts";

const label = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}[a-z0-9]$/);
const domain = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join("."));

it("the domain is found, whatever it, the namespace and the node's own domains are called", () => {
  fc.assert(
    fc.property(
      domain,
      fc.oneof(label, fc.constant("svc")),
      fc.array(domain, { maxLength: 3 }),
      (cluster, namespace, node) => {
        const search = [`${namespace}.svc.${cluster}`, `svc.${cluster}`, cluster, ...node].join(" ");
        const text = `nameserver 10.96.0.10\nsearch ${search}\noptions ndots:5\n`;
        expect(clusterDomainIn(text)).toBe(cluster);
      },
    ),
  );
});

it.each([
  ["is empty", ""],
  ["searches nothing", "nameserver 192.0.2.1\n"],
  ["is a node's own", "search example.com svc.example.com\nnameserver 192.0.2.1\n"],
  ["has the list in a comment", "# search a.svc.cluster.local svc.cluster.local cluster.local\n"],
  ["lists them in another order", "search cluster.local svc.cluster.local a.svc.cluster.local\n"],
])("there is none where the file %s", (_, text) => {
  expect(clusterDomainIn(text)).toBeUndefined();
});

it("final dots, capitals, tabs and line ends of other systems do not matter, and the last list counts", () => {
  const text = "search example.com\n search\ta.svc.K8s.Example.\tsvc.k8s.example. k8s.example.\r\n";
  expect(clusterDomainIn(text)).toBe("k8s.example");
});

it("a hostile file takes no time", () => {
  expect(clusterDomainIn(`search ${"svc.".repeat(100_000)}x ${"a.svc.b ".repeat(10_000)}`)).toBeUndefined();
});
