# shellcheck shell=dash
# Lays the pulled inputs out straight from the blobs, each file created once, by the program's own user. Expects
# lib.sh, $inputs, $input_path, $unpack, $PWD.

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
  fail "$EXIT_LAYOUT_FAILED" "the input path $1 $2 for user $(id -u); name a writable place with the input-path annotation, or mount a volume there"
}

lay_out_input() {
  local digest how title blob
  while read -r digest how _ title; do
    decode "$title"
    blob="$1/layout/blobs/sha256/${digest#sha256:}"
    case "$how" in
    tar+*) lay_out_directory "$blob" "$decoded" "$(cat "$1/name")" ;;
    *) lay_out_file "$blob" "$decoded" ;;
    esac || fail "$EXIT_LAYOUT_FAILED" "the input $decoded could not be laid out in $input_path; is there room, and may user $(id -u) write there?"
  done <"$1/layers"
}

lay_out_file() {
  case "$2" in */*) mkdir -p -- "$input_path/${2%/*}" || return 1 ;; esac
  # What is there is replaced, never written through: it may be a link that leads elsewhere.
  rm -f -- "$input_path/$2" && cat <"$1" >"$input_path/$2"
}

lay_out_directory() {
  if [ "$unpack" != true ]; then
    local name="$2"
    [ "$name" != . ] || name="$3"
    lay_out_file "$1" "$name.tar.gz"
    return
  fi
  # GNU tar refuses members that leave the directory, and makes links that do so last. Modes are as packed, whatever
  # the umask; the owner is the program's user, also when that is root. The archive's own root is laid aside: the
  # place may belong to somebody else, who alone may change its mode and time.
  local aside=".oras-root-$$" code
  tool igzip -d -q <"$1" | {
    tool tar -x -f - -C "$input_path" --preserve-permissions --no-same-owner --delay-directory-restore \
      "--transform=flags=r;s,^\\./*\$,$aside," && cat >/dev/null
  }
  code=$?
  rmdir "$input_path/$aside" 2>/dev/null
  return $code
}
