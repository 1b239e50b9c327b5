# shellcheck shell=dash
# Speaking to a registry with the oras CLI, flags no newer than 1.1. Expects lib.sh, $timeout, $credentials,
# $private; results of the last call are in $status and $reason, its standard output in $answer.

# oras looks for a configuration in the home directory and fails where there is none.
export HOME="$step/out"

timeout="$DEFAULT_TIMEOUT"
status='' reason=''
credentials=
# The one registry that ORAS_USER and the passwords are for; empty: any.
credentials_host=
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
# $1: ORAS_PULL_PASS or ORAS_PUSH_PASS. $2: host. Sets $config, and $authority (a file of CAs) if the Secret has one.
set_credentials() {
  config='' authority=''
  [ -n "$credentials" ] || return 0
  [ ! -e "$credentials/ca.crt" ] || authority="$credentials/ca.crt"
  if [ -e "$credentials/.dockerconfigjson" ]; then
    config="$credentials/.dockerconfigjson"
  elif [ -e "$credentials/$1" ] && [ "${credentials_host:-$2}" = "$2" ]; then
    config="$private/$1.json"
    # jq reads the values from files: arguments are visible to everybody on the node.
    (
      umask 077
      # Docker Hub's name in configuration files, for history's sake.
      case "$2" in docker.io | index.docker.io | registry-1.docker.io) set -- "$1" https://index.docker.io/v1/ ;; esac
      [ -e "$credentials/ORAS_USER" ] || : >"$private/ORAS_USER"
      user="$credentials/ORAS_USER"
      [ -e "$user" ] || user="$private/ORAS_USER"
      # shellcheck disable=SC2016  # jq's variables
      tool jq -n --arg host "$2" --rawfile user "$user" --rawfile pass "$credentials/$1" \
        '{auths: {($host): {auth: ("\($user | rtrimstr("\n")):\($pass | rtrimstr("\n"))" | @base64)}}}' >"$config"
    )
  fi
}

# call_oras SECONDS ARG…: runs oras with its trace on. The trace can hold tokens, so it is never stored nor printed:
# HTTP statuses and oras' own last error are taken out of it as it passes. Standard input goes to oras. A call that
# takes longer than SECONDS is ended: a registry may accept a connection and never answer.
call_oras() {
  local facts code what rest limit="$1"
  shift
  facts="$(
    # Without the word of the shell that a program was terminated.
    exec 2>/dev/null
    set -o pipefail
    timeout "$limit" oras "$@" --debug 2>&1 >"$step/answer" | sed -n \
      -e 's/.*Response Status: \\*"\([0-9][0-9][0-9]\).*/status \1/p' \
      -e 's/.*Error in getting response.*/status/p' \
      -e 's/^Error/error &/p'
  )"
  code=$?
  answer="$(cat "$step/answer")"
  rm -f "$step/answer"
  # The last status counts: a 401 that is followed by another answer was the challenge, a 404 to HEAD before an
  # upload a question. A 202 says that an upload was begun.
  status='' accepted=false reason=''
  while read -r what rest; do
    case "$what $rest" in
    "status 202") accepted=true status=202 ;;
    status*) status="$rest" ;;
    error*) reason="$rest" ;;
    esac
  done <<EOF
$facts
EOF
  case "$code $status $reason" in
  126\ * | 127\ *) status=local reason="this container's image has no program oras in its PATH" ;;
  # oras tries 5xx and 429 again by itself.
  143\ *) reason="${status:+status $status, then }no answer within $limit s" status='' ;;
  *\ 5??\ * | *\ 429\ *) reason="status $status: $reason" ;;
  *'server gave HTTP response to HTTPS client'*)
    status=local reason="the registry speaks plain HTTP; write http://${ref%%/*} in $REGISTRY_ANNOTATION"
    ;;
  *'x509: '*) status=local ;;
  # Of this container: a registry that is full says so with its own status.
  *\ 2??\ *'no space left on device'*) status=local ;;
  *'unknown flag'* | *'unknown command'* | *'invalid reference'*) status=local ;;
  esac
  return "$code"
}

# How long a blob may take at the very least that is still worth waiting for, 64 KiB/s.
seconds_for() { echo $((timeout + $1 / 65536)); }

# Whether the last failure may pass: no answer at all, 5xx, 408 and 429. After 2xx the connection broke.
may_pass() {
  case "$status" in
  '' | 2?? | 5?? | 408 | 429) return 0 ;;
  esac
  return 1
}

# retry WHAT COMMAND…: calls until it succeeds, fails for good, or has failed for $timeout seconds.
retry() {
  local what="$1" pause=1 end=
  shift
  until "$@"; do
    may_pass || return 1
    end="${end:-$(($(now) + timeout))}"
    if [ $(($(now) + pause)) -gt "$end" ]; then
      status=timeout
      return 1
    fi
    say "$what: ${reason:-no answer}; trying again in $pause s"
    sleep "$pause"
    pause=$((pause < 16 ? pause * 2 : 30))
  done
}
