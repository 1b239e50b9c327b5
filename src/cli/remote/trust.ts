import { rootCertificates } from "node:tls";
import type { V1ConfigMap } from "@kubernetes/client-node";
import { casIn } from "../../cache/ca-config-map.ts";
import { caConfigMapName, usesTls } from "../../cache/tls.ts";
import type { OrasCache } from "../../cache/types.ts";
import { pathOf, resources } from "../../kube/resources.ts";
import type { Trust } from "../../registry/peer.ts";
import { nameOf } from "./find-cache.ts";
import { withRight } from "./rights.ts";
import type { Session } from "./session.ts";

/** Whom to trust as the registry of a cache, by whatever way it is reached; undefined where it serves no TLS. */
export async function trustOf(session: Session, cache: OrasCache): Promise<Trust | undefined> {
  const ca = await caOf(session, cache);
  const { url = "" } = cache.status ?? {};
  return ca === undefined ? undefined : { ca: [ca, ...rootCertificates], servername: new URL(url).hostname };
}

/** The CAs of the registry of a cache, PEM; undefined where it serves no TLS. */
export async function caOf(session: Session, cache: OrasCache): Promise<string | undefined> {
  if (cache.status?.url === undefined || !usesTls(cache)) return undefined;
  const { namespace, client } = session;
  const name = caConfigMapName(nameOf(cache));
  const need = { verbs: ["get"], resource: "configmaps", name, namespace, cache: nameOf(cache) };
  const published = await withRight(need, () =>
    client.request<V1ConfigMap>({ path: pathOf(resources.configMaps, { namespace, name }) }),
  );
  return casIn(published);
}
