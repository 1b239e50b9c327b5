# shellcheck shell=dash
# Links that lead out of the place where they lie. Expects lib.sh, $input_path for the last two.

# Reads path and target in turns, a line each; prints those whose target is absolute or climbs above `.`.
leaving_links() {
  awk '
    NR % 2 { path = $0; next }
    {
      target = $0
      out = substr(target, 1, 1) == "/"
      depth = split(path, parts, "/") - 2
      n = split(target, steps, "/")
      for (i = 1; i <= n; i++) {
        if (steps[i] == "..") depth--
        else if (steps[i] != "" && steps[i] != ".") depth++
        if (depth < 0) out = 1
      }
      if (out) { gsub("\001", "?", path); gsub("\001", "?", target); printf "%s%s -> %s", sep, path, target; sep = ", " }
    }'
}

# Whether a path lies in the input path when every link is followed. Not for links to nothing: busybox' readlink
# resolves them wrongly.
is_inside() {
  local root real
  root="$(readlink -f -- "$input_path")"
  real="$(readlink -f -- "$1")" || return 1
  inside="${real#"${root%/}"}"
  case "$real/" in "${root%/}"/*) return 0 ;; esac
  say "error: $1 leads out of $input_path, to ${real:-nowhere}"
  return 1
}

# The same for a link to nothing, which a later archive may complete: `..` is allowed at the front alone, where it is
# known what it leaves.
stays_inside() {
  local inside target rest
  is_inside "$(dirname -- "$1")" || return 1
  target="$(readlink -- "$1")"
  rest="$target"
  while [ "${rest#../}" != "$rest" ]; do rest="${rest#../}"; done
  case "/${rest#..}/" in
  */../*) ;;
  *) [ -n "$(printf '.%s/link\n%s\n' "$inside" "$target" | leaving_links)" ] || return 0 ;;
  esac
  say "error: $1 -> $target leads out of $input_path"
  return 1
}

# Reads what `tar -xvv --quoting-style=c` says of the members that it made and checks those that no output of a step has:
# devices and pipes, absolute names, and links whose target is absolute or has `..` in it. Where a link really leads
# counts, for it may pass through other links.
refuse_hostile() {
  local line path kind bad=0 inside
  while IFS= read -r line; do
    [ -n "$line" ] || continue
    kind="${line%"${line#?}"}"
    line="${line#*\"}"
    path="${line%%\" -> *}"
    [ "$kind" = l ] || path="${path%\"*}"
    # The quotes of C: printf understands its octal and backslash sequences.
    # shellcheck disable=SC2059  # it is a format
    path="$(printf "$(printf '%s' "$path" | sed 's/%/%%/g')" && printf .)"
    path="${path%.}"
    case "$kind$path" in
    [bcp]*)
      say "error: $path is a device or a pipe"
      rm -f -- "$input_path/$path"
      bad=1
      continue
      ;;
    ?/*)
      say "error: $path is absolute"
      bad=1
      continue
      ;;
    esac
    path="$input_path/$path"
    if [ -e "$path" ]; then is_inside "$path"; else stays_inside "$path"; fi || bad=1
  done <<EOF
$(grep -E '^([bcp]|[^"]*"/|l.*" -> "(/|.*\.\.))')
EOF
  return $bad
}
