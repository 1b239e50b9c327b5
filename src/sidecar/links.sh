# shellcheck shell=dash
# Links that lead out of the place where they lie. Expects lib.sh, $input_path for the last two.

# Reads path and target in turns, a line each; prints those whose target is absolute or climbs above `.`, or might once
# something on its way is another link: `..` is for the front.
leaving_links() {
  awk '
    NR % 2 { path = $0; next }
    {
      target = $0
      out = substr(target, 1, 1) == "/"
      named = 0
      # Of the folder that the link is in; a path may have empty steps.
      depth = -1
      n = split(path, parts, "/")
      for (i = 1; i <= n; i++) if (parts[i] != "" && parts[i] != ".") depth++
      n = split(target, steps, "/")
      for (i = 1; i <= n; i++) {
        if (steps[i] == "..") {
          if (named) out = 1
          depth--
        } else if (steps[i] != "" && steps[i] != ".") named = 1
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
  case "$real/" in "${root%/}"/*) return 0 ;; esac
  say "error: $1 leads out of $input_path, to ${real:-nowhere}"
  return 1
}

# Reads what `tar -xvv --quoting-style=c` says, a member a line; prints those that need a look, a line each: what is to be
# looked at, a blank, the path and, of links, a second line with the target. A newline in them is \001n, and \001 is \001o.
members_to_look_at() {
  awk '
    # The text between the quotes at position i of a line, its escapes (those of C) undone; sets at to what follows.
    function quoted(line, i,    text, c, code) {
      text = ""
      for (i++; i <= length(line); i++) {
        c = substr(line, i, 1)
        if (c == "\"") break
        if (c != "\\") { text = text c; continue }
        c = substr(line, ++i, 1)
        if (c ~ /[0-7]/) {
          code = substr(line, i, 1) * 64 + substr(line, i + 1, 1) * 8 + substr(line, i + 2, 1)
          text = text (code == 1 ? "\001o" : sprintf("%c", code))
          i += 2
        } else if (c == "n") text = text "\001n"
        else if (c == "a") text = text "\007"
        else if (c == "b") text = text "\b"
        else if (c == "f") text = text "\f"
        else if (c == "r") text = text "\r"
        else if (c == "t") text = text "\t"
        else if (c == "v") text = text "\v"
        else text = text c
      }
      at = i + 1
      return text
    }
    # Nearly every line is one of these, and ends in the quote of a plain name.
    /^[-d][^"]*"[^\/"]/ { next }
    {
      kind = substr($0, 1, 1)
      path = quoted($0, index($0, "\""))
      if (kind ~ /[bcp]/) print "special " path
      else if (path ~ /^\//) print "absolute " path
      else if (kind == "h") print "hard " path
      else if (kind == "l") print "link " path "\n" quoted($0, at + 4)
    }'
}

# A path that members_to_look_at printed, as it is; result in $named.
with_newlines() {
  local mark
  mark="$(printf '\001')"
  named="$(printf '%s' "$1" | sed "s/${mark}n/\\n/g; s/${mark}o/$mark/g" && printf .)"
  named="${named%.}"
}

# Whether a link at path $1 to $2 stays in the input path, by its words; and, where those climb, whether no folder on the
# way to it is a link itself, or cannot be looked at.
link_stays() {
  local folder="$1" named
  [ -z "$(printf './%s\n%s\n' "$1" "$2" | leaving_links)" ] || return 1
  case "/$2/" in */../*) ;; *) return 0 ;; esac
  while [ "$folder" != "${folder%/*}" ]; do
    folder="${folder%/*}"
    with_newlines "$folder"
    # Names may begin with dots and be empty: what is asked for is beneath the input path in any case.
    { [ -d "$input_path/$named" ] && [ ! -L "$input_path/$named" ]; } || return 1
  done
}

# What no output of a step has, and what could lead out of the place: devices and pipes, absolute names, and links that
# are absolute or climb out. A hard link may be one to such a link.
refuse_hostile() {
  local what path target named bad=0
  while IFS= read -r path; do
    [ -n "$path" ] || continue
    what="${path%% *}" path="${path#* }" target=
    [ "$what" != link ] || IFS= read -r target
    with_newlines "$path"
    case "$what" in
    special)
      say "error: $named is a device or a pipe"
      rm -f -- "$input_path/$named"
      bad=1
      continue
      ;;
    absolute)
      say "error: $named is absolute"
      bad=1
      continue
      ;;
    hard)
      if [ -L "$input_path/$named" ]; then
        target="$(readlink -- "$input_path/$named" | tr '\n' '\001')"
        target="${target%?}"
      elif [ -f "$input_path/$named" ]; then
        continue
      else
        target=/
      fi
      ;;
    esac
    link_stays "$path" "$target" && continue
    say "error: $path -> ${target:-nowhere} leads out of $input_path"
    bad=1
  done <<EOF
$(members_to_look_at)
EOF
  return $bad
}
