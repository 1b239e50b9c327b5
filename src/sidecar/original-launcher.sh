# shellcheck shell=dash
# Runs the author's own application script beside the built-in sidecar script, and holds the control pipe for its whole life:
# however it ends, also killed, the sidecar learns of it. original-launcher.sh SCRIPT [ARGUMENT…]
set -u
share="${0%/bin/*}"
trap : HUP INT TERM
exec 3<>"$share/0/control"
# A sidecar that starts later would not get the record of one that is killed before.
: >"$share/oras-operator-started.txt"
echo hello >&3
"$@" 3>&-
