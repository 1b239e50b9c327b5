import type { V1Container, V1PodSpec, V1Volume } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { mayBeLoginOf } from "../cache/logins-in-use.ts";
import type { Answers } from "./admission-types.ts";
import type { Injection } from "./marker.ts";
import { findInjection } from "./present.ts";

/**
 * The spec of an injected object that is created again, as by `kubectl replace --force`, or of a backup: its login may have ended, of which
 * the operator knows nothing while no such object is there. So it gets the present one.
 *
 * @param spec - of the Pod, or of its template
 * @param injection - that is in it
 * @param cache - name of the step's OrasCache
 * @param answers - with the logins of that, as far as they are known
 * @returns the spec, and what is in it now
 */
export function withPresentLogin(
  spec: V1PodSpec,
  injection: Injection,
  cache: string,
  { cache: stored, cacheLogin, nodeLogin }: Answers,
): { readonly spec: V1PodSpec; readonly injection: Injection } {
  const present = findInjection(spec, injection);
  if (present === undefined) return { spec, injection };
  const { nodeAddress } = stored?.spec ?? {};
  const isOfNodes = (volume: V1Volume) =>
    nodeAddress !== undefined && volume.image?.reference?.startsWith(`${nodeAddress}/`) === true;
  // Where the address is another one by now, the login of before is the one that has an entry for it.
  const forNodes = spec.volumes?.some((volume) => present.isAddedVolume(volume) && isOfNodes(volume));
  const old = (injection.pullSecrets ?? []).filter((name) => mayBeLoginOf(name, cache));
  const pulls = (name: string) => (forNodes && nodeLogin && old.includes(name) ? nodeLogin : name);
  const mounts = (name: string) => (cacheLogin && mayBeLoginOf(name, cache) ? cacheLogin : name);
  const recorded = (container: V1Container): V1Container => ({
    ...container,
    ...(container.env && {
      env: container.env.map((one) =>
        one.name === names.injectionVariable && one.value !== undefined
          ? { ...one, value: old.reduce((value, name) => value.replaceAll(name, pulls(name)), one.value) }
          : one,
      ),
    }),
  });
  const renewed = {
    ...spec,
    ...(spec.volumes && {
      volumes: spec.volumes.map((volume) =>
        present.isAddedVolume(volume) ? withSecret(volume, mounts) : volume,
      ),
    }),
    ...(spec.imagePullSecrets && {
      imagePullSecrets: spec.imagePullSecrets.map((one) =>
        one.name === undefined ? one : { ...one, name: pulls(one.name) },
      ),
    }),
    ...(spec.initContainers && { initContainers: spec.initContainers.map(recorded) }),
    containers: spec.containers.map(recorded),
  };
  const { pullSecrets } = injection;
  return {
    spec: renewed,
    injection: { ...injection, ...(pullSecrets && { pullSecrets: pullSecrets.map(pulls) }) },
  };
}

function withSecret(volume: V1Volume, named: (name: string) => string): V1Volume {
  const { secret, projected } = volume;
  const sources = projected?.sources?.map((source) =>
    source.secret?.name === undefined
      ? source
      : { ...source, secret: { ...source.secret, name: named(source.secret.name) } },
  );
  return {
    ...volume,
    ...(secret?.secretName !== undefined && { secret: { ...secret, secretName: named(secret.secretName) } }),
    ...(projected && sources && { projected: { ...projected, sources } }),
  };
}
