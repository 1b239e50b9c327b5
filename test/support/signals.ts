/**
 * A script that sends a signal to the container `oras`, whose processes a program sees where the Pod's containers share
 * theirs, as soon as it runs: nobody waits for its start.
 *
 * @param signal - as kill(1) names it
 */
export function signalOras(signal: string): string {
  return `until [ "$sent" ]; do
  for p in /proc/[0-9]*; do
    case "$(tr '\\0' ' ' <$p/cmdline 2>/dev/null)" in "/agent push"* | "/agent serve"*) kill -${signal} "\${p#/proc/}" && sent=1 ;; esac
  done
done`;
}
