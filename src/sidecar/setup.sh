# shellcheck shell=dash
# Init container, first part: puts the tools on the share, makes the pipes, fetches the author's own scripts.
# setup.sh --share DIR [--launchers N] [--authority FILE] [--entrypoint URL] [--oras-entrypoint URL] -- [arguments of pull.sh]
set -u
# As the first process of a container a shell ignores SIGTERM, and a deleted Pod would linger for its grace period.
[ $$ -ne 1 ] || exec "${0%/*}/tini" -g -- "${0%/*}/busybox" sh "$0" "$@"
share='' tools="${0%/*}/.." launchers=1 authority='' entrypoint='' oras_entrypoint=''
# shellcheck source=../../generated/constants.sh
. "$tools/bin/constants.sh"
while [ "${1---}" != -- ]; do
  case "$1" in
  --share) share="$2" ;;
  --launchers) launchers="$2" ;;
  --authority) authority="$2" ;;
  --entrypoint) entrypoint="$2" ;;
  --oras-entrypoint) oras_entrypoint="$2" ;;
  *) echo "oras: error: setup.sh does not know the option $1" >&2; exit "$EXIT_SETUP_FAILED" ;;
  esac
  shift 2
done
[ $# -eq 0 ] || shift

umask 022
cp -R "$tools/bin" "$tools/lib" "$share/" || { echo "oras: error: cannot write to $share" >&2; exit "$EXIT_SETUP_FAILED"; }
. "$share/bin/lib.sh"
mkdir -p "$step/inputs" "$share/inputs" "$share/outputs" || fail "$EXIT_SETUP_FAILED" "cannot write to $share"
# The time of everything that is packed.
touch -d @0 "$share/epoch"
for number in $(seq 0 $((launchers - 1))); do
  mkdir -p "$share/$number/out" || fail "$EXIT_SETUP_FAILED" "cannot write to $share"
  # Other users' programs open them: umask would cut the mode of a plain mkfifo.
  for pipe in control ready data stdout; do
    pipe="$share/$number/$pipe"
    [ -p "$pipe" ] || mkfifo -m 666 "$pipe" || fail "$EXIT_SETUP_FAILED" "cannot make the pipe $pipe"
  done
done

# A CA in the author's Secret is trusted beside the public ones.
[ ! -e "$authority" ] || cat "$tools/../etc/ssl/certs/ca-certificates.crt" "$authority" >"$share/authorities"
[ -e "$share/authorities" ] || authority=

# fetch URL FILE: GNU wget, because busybox' does not verify certificates. By its path, or busybox would run its own.
fetch() {
  local url="${1%%#*}" pin=
  case "$1" in *'#sha256='*) pin="${1##*#sha256=}" ;; esac
  "$tools/../usr/bin/wget" -q --https-only ${authority:+"--ca-certificate=$share/authorities"} --tries=5 --timeout=30 --retry-connrefused -O "$2" "$url" ||
    fail "$EXIT_SETUP_FAILED" "cannot fetch $url over https"
  if [ -n "$pin" ] && ! printf '%s  %s\n' "$pin" "$2" | sha256sum -c -s; then
    fail "$EXIT_SETUP_FAILED" "$url is not what #sha256=$pin says: found $(sha256sum <"$2" | cut -d' ' -f1)"
  fi
  chmod 755 "$2"
}
[ -z "$entrypoint" ] || fetch "$entrypoint" "$share/bin/custom-entrypoint.sh"
[ -z "$oras_entrypoint" ] || fetch "$oras_entrypoint" "$share/bin/custom-sidecar.sh"

# The original's protocol: the program's user, whichever it is, writes there.
if [ -n "$entrypoint$oras_entrypoint" ]; then
  chmod 777 "$share/inputs" "$share/outputs" || fail "$EXIT_SETUP_FAILED" "cannot open $share/outputs to the program"
fi

[ $# -eq 0 ] || exec "$share/bin/busybox" sh "$share/bin/pull.sh" "$@"
