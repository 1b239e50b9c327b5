# shellcheck shell=dash
# Lays the pulled inputs out straight from the blobs, each file created once, by the program's own user. Expects
# lib.sh, links.sh, $inputs, $input_path, $unpack.

lay_out_inputs() {
  [ "$inputs" -gt 0 ] || return 0
  mkdir -p -- "$input_path" 2>/dev/null || cannot_write "$input_path" "cannot be made"
  [ -w "$input_path" ] || cannot_write "$input_path" "is not writable"
  local i=0
  while [ "$i" -lt "$inputs" ]; do
    lay_out_input "$step/inputs/$i"
    i=$((i + 1))
  done
}

cannot_write() {
  fail "$EXIT_UNPACK_FAILED" "the input path $1 $2 for user $(id -u); name a writable place with $INPUT_PATH_ANNOTATION, or mount a volume there"
}

lay_out_input() {
  local digest how title blob
  while read -r digest how _ title; do
    decode "$title"
    blob="$1/layout/blobs/${digest%%:*}/${digest#*:}"
    case "$how" in
    tar+gzip) lay_out_directory "$blob" "$decoded" "$(cat "$1/name")" ;;
    tar+zstd) lay_out_zstd "$blob" "$decoded" ;;
    *) lay_out_file "$blob" "$decoded" ;;
    esac || fail "$EXIT_UNPACK_FAILED" "the input $decoded could not be unpacked in $input_path; is there room, and may user $(id -u) write there?"
  done <"$1/layers"
}

lay_out_file() {
  case "$2" in
  */*)
    mkdir -p -- "$input_path/${2%/*}" && is_inside "$input_path/${2%/*}" || return 1
    ;;
  esac
  # What is there is replaced, never written through: it may be a link that leads elsewhere.
  rm -f -- "$input_path/$2" && cat <"$1" >"$input_path/$2"
}

# What only the operator unpacks is a plain file to others, with a name that says so.
lay_out_zstd() {
  if [ "$unpack" = true ]; then
    lay_out_directory "$1" "${2%.tar.zst}" "" zstd
  else
    lay_out_file "$1" "$2"
  fi
}

# GNU tar leaves members out that would be outside, ends with an error for it, and makes links that lead outside after
# everything else. What it made of the rest is checked by what it says: a second archive could be written through the
# links of the first, and the program through both.
lay_out_directory() {
  local title="$2" format="${4-gzip}"
  if [ "$unpack" != true ]; then
    [ "$title" != . ] || title="$3"
    lay_out_file "$1" "$title.tar.gz"
    return
  fi
  # Modes as packed, whatever the umask; the owner is the program's user, also when that is root. A directory that is
  # there already may belong to somebody else, who alone may change its mode and time: its own entry is left out.
  set -- "$1" --extract --file=- "--directory=$input_path" --preserve-permissions --no-same-owner \
    --delay-directory-restore --no-recursion --anchored --no-wildcards --exclude=. \
    --verbose --verbose --quoting-style=c --numeric-owner --utc
  [ "$title" = . ] || [ ! -d "$input_path/$title" ] || set -- "$@" "--exclude=$title"
  local blob="$1"
  shift
  (
    set -o pipefail
    if [ "$format" = zstd ]; then tool zstd -d -q -c; else tool igzip -d -q; fi <"$blob" | buffer | { tool tar "$@" && cat >/dev/null; } | refuse_hostile
  )
}
