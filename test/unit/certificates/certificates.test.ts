import { X509Certificate } from "node:crypto";
import { expect, test } from "vitest";
import { type CertificateData, lifetimes, planCertificates } from "../../../src/certificates/plan.ts";
import { fromSecret, renew, toSecret } from "../../../src/certificates/renew.ts";

const hosts = ["webhook.system.svc", "webhook"];
const start = new Date("2026-01-01T00:00:00Z");
const after = (days: number) => new Date(start.getTime() + days * 86_400_000);
const plan = (data: CertificateData | undefined, now: Date) => planCertificates(data, hosts, now).action;

test("nothing, or nothing of use, is issued anew", async () => {
  const data = await renew("everything", undefined, hosts, start);
  const other = await renew("everything", undefined, hosts, start);
  expect(plan(undefined, start)).toBe("everything");
  expect(plan(data, start)).toBe("keep");
  expect(plan({ ...data, certificate: "garbage" }, start)).toBe("everything");
  expect(plan({ ...data, cas: [] }, start)).toBe("everything");
  expect(plan({ ...data, key: other.key }, start)).toBe("everything");
  expect(plan({ ...data, caKey: other.caKey }, start)).toBe("everything");
  expect(plan({ ...data, cas: other.cas, caKey: other.caKey }, start)).toBe("everything");
  expect(planCertificates(data, ["another.host"], start).action).toBe("everything");
  expect(plan(data, after(lifetimes.server + 1))).toBe("everything");
});

test("through the years the API server always knows the CA before it is used", async () => {
  let data = await renew("everything", undefined, hosts, start);
  const seen = new Set<string>();
  for (let day = 0; day < 2 * lifetimes.ca; day += 20) {
    const known = data.cas.map((pem) => new X509Certificate(pem));
    for (let { action } = planCertificates(data, hosts, after(day)); action !== "keep"; ) {
      seen.add(action);
      data = await renew(action, data, hosts, after(day));
      const server = new X509Certificate(data.certificate);
      // What was published before this day stands behind what is served from now on.
      expect(known.some((ca) => server.verify(ca.publicKey))).toBe(true);
      action = planCertificates(data, hosts, after(day)).action;
    }
    expect(data.cas.length).toBeLessThanOrEqual(2);
  }
  expect([...seen].sort()).toEqual(["ca", "server"]);
});

test("the server's certificate is one that Go accepts", async () => {
  const data = await renew("everything", undefined, hosts, start);
  const server = new X509Certificate(data.certificate);
  const ca = new X509Certificate(data.cas[0] ?? "");
  expect(server.checkIssued(ca)).toBe(true);
  expect(server.subjectAltName).toBe(hosts.map((host) => `DNS:${host}`).join(", "));
  expect(server.ca).toBe(false);
  expect(ca.ca).toBe(true);
  expect(server.validFromDate < start).toBe(true);
});

test("a Secret holds all of it, under cert-manager's keys, and what is incomplete is nothing", async () => {
  const data = await renew("everything", undefined, hosts, start);
  const secret = toSecret(data);
  expect(Object.keys(secret)).toEqual(expect.arrayContaining(["tls.crt", "tls.key", "ca.crt"]));
  expect(toSecret(fromSecret(secret) as CertificateData)).toEqual(secret);
  for (const key of Object.keys(secret)) expect(fromSecret({ ...secret, [key]: "" })).toBeUndefined();
  expect(fromSecret(undefined)).toBeUndefined();
});

test("what a clock that was wrong has dated into the future is issued again, and what it has not stays", async () => {
  const right = await renew("everything", undefined, hosts, start);
  const ahead = after(3);
  expect(plan(await renew("everything", undefined, hosts, ahead), start)).toBe("everything");
  expect(plan(await renew("server", right, hosts, ahead), start)).toBe("server");
  expect(plan(await renew("ca", right, hosts, ahead), start)).toBe("ca");
  expect(plan(right, start)).toBe("keep");
});
