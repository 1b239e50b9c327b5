# shellcheck shell=dash
# Speaking to a registry with the oras CLI, flags no newer than 1.1. Expects lib.sh, $timeout, $credentials,
# $private; results of the last call are in $status and $reason, its standard output in $answer.

# oras looks for a configuration in the home directory and fails where there is none.
export HOME="$step/out"

timeout=300
credentials=
private=

# A reference comes with its scheme: http:// means plain HTTP. Sets $ref and $plain.
set_reference() {
  ref="${1#*://}"
  plain=
  case "$1" in http://*) plain=--plain-http ;; esac
}

# The reference without its tag or digest.
repository_of() {
  case "$1" in
  *@*) printf '%s' "${1%%@*}" ;;
  *) printf '%s' "${1%:*}" ;;
  esac
}

# Makes the registry configuration that `oras --registry-config` reads: never a password in an argument.
# $1: ORAS_PULL_PASS or ORAS_PUSH_PASS. $2: host. Sets $config.
set_credentials() {
  config=
  [ -n "$credentials" ] || return 0
  if [ -e "$credentials/.dockerconfigjson" ]; then
    config="$credentials/.dockerconfigjson"
  elif [ -e "$credentials/$1" ]; then
    config="$private/$1.json"
    # jq reads the values from files: arguments are visible to everybody on the node.
    (
      umask 077
      [ -e "$credentials/ORAS_USER" ] || : >"$private/ORAS_USER"
      user="$credentials/ORAS_USER"
      [ -e "$user" ] || user="$private/ORAS_USER"
      # shellcheck disable=SC2016  # jq's variables
      tool jq -n --arg host "$2" --rawfile user "$user" --rawfile pass "$credentials/$1" \
        '{auths: {($host): {auth: ("\($user | rtrimstr("\n")):\($pass | rtrimstr("\n"))" | @base64)}}}' >"$config"
    )
  fi
}

# call_oras ARG…: runs oras with its trace on. The trace can hold tokens, so it is never printed: HTTP statuses and
# oras' own last error are taken out of it. It lies where only this container sees it, if there are credentials.
# Standard input goes to oras.
call_oras() {
  local trace="${private:-$step}/trace"
  (umask 077 && : >"$trace")
  oras "$@" --debug >"$step/answer" 2>"$trace"
  local code=$?
  answer="$(cat "$step/answer")"
  # A 401 that is followed by another answer was the challenge; a 404 to HEAD before an upload is a question.
  status="$(sed -n 's/.*Response Status: \\*"\([0-9][0-9][0-9]\).*/\1/p' "$trace" | tail -n 1)"
  accepted="$(grep -c 'Response Status: \\*"202' "$trace")"
  reason="$(sed -n 's/^\(Error.*\)$/\1/p' "$trace" | tail -n 1)"
  ! grep -q 'Error in getting response' "$trace" || status=
  rm -f "$trace" "$step/answer"
  return $code
}

# Whether the last failure may pass: no answer at all, 5xx, 408 and 429.
may_pass() {
  case "$status" in
  '' | 5?? | 408 | 429 | 2??) return 0 ;;
  esac
  return 1
}

# retry_until DEADLINE WHAT COMMAND…: calls until it succeeds, fails for good, or the deadline passes.
retry_until() {
  local deadline="$1" what="$2" pause=1
  shift 2
  until "$@"; do
    may_pass || return 1
    if [ $(($(now) + pause)) -ge "$deadline" ]; then
      status=timeout
      return 1
    fi
    say "$what: ${reason:-no answer}; trying again in ${pause} s"
    sleep "$pause"
    pause=$((pause < 16 ? pause * 2 : 30))
  done
}
