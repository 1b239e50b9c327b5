#!/bin/sh
# Assembles the root of the tools image from a Debian system: assemble-tools.sh SOURCE ORAS OUT
#   SOURCE  folder of this repository      ORAS  the oras binary      OUT  folder to write
# /oras is what the init container copies to the share. Its programs are dynamic and are run by the loader beside
# them, so they work in every image; busybox and tini are static. The operator's own is compiled here.
set -eu
source="$1" oras="$2" out="$3"
programs="/usr/bin/tar:tar /usr/bin/find:find /usr/bin/jq:jq /usr/bin/igzip:igzip /usr/bin/mbuffer:mbuffer /usr/bin/zstd:zstd $out/layer:layer"

mkdir -p "$out/oras/bin" "$out/oras/lib" "$out/usr/bin" "$out/etc/ssl/certs" "$out/tmp"
cc -O2 -Wall -Wextra -Werror -o "$out/layer" "$source/src/sidecar/layer.c" -lisal -lnettle -lzstd
# Debian with merged /usr lists /bin/tar, older ones too: both are the same file.
cp -L /bin/busybox "$out/oras/bin/busybox"
cp -L /usr/bin/tini-static "$out/oras/bin/tini"
libraries() { ldd "$1" | awk '/=> \// { print $3 } /^\t\/.*ld-/ { print $1 }'; }
install_library() {
  case "${1##*/}" in
  ld-linux*) cp -L "$1" "$2/ld.so" ;;
  *) cp -L "$1" "$2/" ;;
  esac
}
for entry in $programs; do
  cp -L "${entry%:*}" "$out/oras/bin/${entry#*:}"
  for library in $(libraries "${entry%:*}"); do install_library "$library" "$out/oras/lib"; done
done
rm "$out/layer"
# The C library opens it by name when a thread ends (pthread_exit(3)), so no program's list has it.
cp -L "$(dirname "$(libraries /usr/bin/mbuffer | grep /libc.so)")/libgcc_s.so.1" "$out/oras/lib/"
cp "$source"/src/sidecar/*.sh "$source"/generated/constants.sh "$out/oras/bin/"
chmod 755 "$out"/oras/bin/* "$out/oras/lib/ld.so"

cp "$oras" "$out/usr/bin/oras"
# wget fetches the author's own scripts, with verified certificates; it is used in the tools image only.
mkdir -p "$out/usr/lib/wget"
cp -L /usr/bin/wget "$out/usr/lib/wget/wget"
for library in $(libraries /usr/bin/wget); do
  [ -e "$out/oras/lib/${library##*/}" ] || install_library "$library" "$out/usr/lib/wget"
done
cat >"$out/usr/bin/wget" <<'W'
#!/oras/bin/busybox sh
exec /oras/lib/ld.so --library-path /usr/lib/wget:/oras/lib /usr/lib/wget/wget --ca-certificate=/etc/ssl/certs/ca-certificates.crt "$@"
W
chmod 755 "$out/usr/bin/wget"
rm -f "$out/usr/lib/wget/ld.so"
cp -L /etc/ssl/certs/ca-certificates.crt "$out/etc/ssl/certs/"
