package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/converged-computing/oras-operator/agent/internal/testprogram"
	"github.com/klauspost/compress/zstd"
)

// member is one of a tar, as hostile as it likes: no tar program would write some of them (POSIX pax(1), "ustar
// Interchange Format").
type member struct {
	name, link, body string
	kind             byte
	mode             int64
	// size replaces that of the body, as it is written.
	size string
	// pax are records before it, whole.
	pax string
	// bad spoils the checksum.
	bad bool
}

func aFile(name string) member         { return member{kind: '0', name: name, body: "evil"} }
func aDirectory(name string) member    { return member{kind: '5', name: name} }
func aLink(name, to string) member     { return member{kind: '2', name: name, link: to} }
func aHardLink(name, to string) member { return member{kind: '1', name: name, link: to} }

// record is one of a pax header: its length counts itself.
func record(key, value string) string {
	rest := " " + key + "=" + value + "\n"
	length := len(rest)
	for length != len(rest)+len(strconv.Itoa(length)) {
		length = len(rest) + len(strconv.Itoa(length))
	}
	return strconv.Itoa(length) + rest
}

func tarOf(members ...member) []byte {
	var b bytes.Buffer
	for _, m := range members {
		writeMember(&b, m)
	}
	b.Write(make([]byte, 1024))
	return b.Bytes()
}

func writeMember(b *bytes.Buffer, m member) {
	if m.pax != "" {
		writeMember(b, member{kind: 'x', name: "pax", body: m.pax})
	}
	if len(m.name) > 100 {
		writeMember(b, member{kind: 'x', name: "pax", body: record("path", m.name)})
	}
	header := make([]byte, 512)
	size := m.size
	if size == "" {
		size = fmt.Sprintf("%011o\x00", len(m.body))
	}
	if m.mode == 0 {
		m.mode = 0o644
		if m.kind == '5' {
			m.mode = 0o755
		}
	}
	copy(header[0:100], m.name)
	copy(header[100:], fmt.Sprintf("%07o\x00", m.mode))
	copy(header[108:], "0000000\x000000000\x00")
	copy(header[124:136], size)
	copy(header[136:], "00000000000\x00        ")
	header[156] = m.kind
	copy(header[157:257], m.link)
	copy(header[257:], "ustar\x0000")
	// Of /dev/null: harmless, should one be made.
	copy(header[329:], "0000001\x000000003\x00")
	sum := 0
	for _, c := range header {
		sum += int(c)
	}
	if m.bad {
		sum++
	}
	copy(header[148:], fmt.Sprintf("%06o\x00 ", sum))
	b.Write(header)
	b.WriteString(m.body)
	b.Write(make([]byte, (512-len(m.body)%512)%512))
}

// An archive that is refused: nothing is written outside, nothing is left inside, no program runs.
func TestHostileArchives(t *testing.T) {
	t.Parallel()
	h := newHostile(t)
	const refused, outside = 186, "leads out of"
	whole := tarOf(member{kind: '0', name: "f", body: strings.Repeat("x", 5000)})
	deep := strings.Repeat("d/", 10_000)
	sparse := func(name, size, body string) member {
		return member{
			kind: '0', name: "x", body: body + strings.Repeat("\x00", 512-len(body)) + "e",
			pax: record("GNU.sparse.major", "1") + record("GNU.sparse.minor", "0") + record("GNU.sparse.name", name) + record("GNU.sparse.realsize", size),
		}
	}
	cases := map[string]struct {
		archives [][]byte
		says     string
	}{
		"an absolute name":                         {[][]byte{tarOf(aFile("/tmp/oras-operator-evil"))}, "absolute"},
		"a name above":                             {[][]byte{tarOf(aFile("../outside/evil"))}, outside[:9]},
		"a name that climbs after all":             {[][]byte{tarOf(aFile("d/../../outside/evil"))}, outside[:9]},
		"a directory above":                        {[][]byte{tarOf(aDirectory("../outside"))}, outside[:9]},
		"an absolute link":                         {[][]byte{tarOf(aLink("d", "/etc"))}, outside},
		"a link above":                             {[][]byte{tarOf(aLink("d", "../outside"))}, outside},
		"a link that climbs after all":             {[][]byte{tarOf(aDirectory("d"), aLink("d/l", "here/../../../outside"))}, outside},
		"a link and a file through it":             {[][]byte{tarOf(aDirectory("e"), aLink("d", "e"), aFile("d/evil"))}, "link"},
		"a link, and another archive through it":   {[][]byte{tarOf(aDirectory("e"), aLink("d", "e")), tarOf(aFile("d/evil"))}, "link"},
		"a link through itself":                    {[][]byte{tarOf(aLink("l", "l/../../outside"))}, outside},
		"a hard link to a file above":              {[][]byte{tarOf(aHardLink("d", "../outside/kept"))}, outside[:9]},
		"an absolute hard link":                    {[][]byte{tarOf(aHardLink("d", "/etc/passwd"))}, "absolute"},
		"a hard link through a link":               {[][]byte{tarOf(aDirectory("e"), aFile("e/f"), aLink("l", "e"), aHardLink("d", "l/f"))}, "no file"},
		"a hard link to itself":                    {[][]byte{tarOf(aHardLink("h", "h"))}, "no file"},
		"a hard link to a directory":               {[][]byte{tarOf(aDirectory("e"), aHardLink("h", "e"))}, "no file"},
		"a hard link to nothing":                   {[][]byte{tarOf(aHardLink("h", ""))}, "no file"},
		"a hard link to a link that would climb":   {[][]byte{tarOf(aDirectory("a/b"), aLink("a/b/l", "../x"), aHardLink("d", "a/b/l"))}, outside},
		"a link that climbs after a name":          {[][]byte{tarOf(aDirectory("a/b/c"), aLink("m", "a/b/c"), aLink("l", "m/../../out"))}, outside},
		"a link that climbs from a linked folder":  {[][]byte{tarOf(aDirectory("a"), aLink("a/b", "..")), tarOf(aDirectory("c"), aLink("a/b/c/l", "../../outside"))}, "link"},
		"a character device":                       {[][]byte{tarOf(member{kind: '3', name: "d"})}, "device"},
		"a block device":                           {[][]byte{tarOf(member{kind: '4', name: "d"})}, "device"},
		"a pipe":                                   {[][]byte{tarOf(member{kind: '6', name: "d"})}, "device or a pipe"},
		"a pipe whose name holds a quote":          {[][]byte{tarOf(member{kind: '6', name: `p"q`})}, "device or a pipe"},
		"a pipe whose name looks like an option":   {[][]byte{tarOf(member{kind: '6', name: "--"})}, "device or a pipe"},
		"an unknown kind":                          {[][]byte{tarOf(member{kind: 'Z', name: "z"})}, "unknown kind"},
		"a link whose name holds a quote":          {[][]byte{tarOf(aLink(`a"b`, "/etc"))}, outside},
		"a link whose name holds an arrow":         {[][]byte{tarOf(aLink(`x" -> "y`, "/etc"))}, outside},
		"a link whose name holds a backslash":      {[][]byte{tarOf(aLink(`a\`, "/etc"))}, outside},
		"a link whose name holds a newline":        {[][]byte{tarOf(aDirectory("a\nb"), aLink("a\nb/l", "/nonexistent"))}, outside},
		"a link whose name ends in a newline":      {[][]byte{tarOf(aDirectory("d\n"), aLink("d\n/l", "../../outside"))}, outside},
		"a link whose name looks like an option":   {[][]byte{tarOf(aLink("--", "/etc"))}, outside},
		"a link of other letters":                  {[][]byte{tarOf(aLink("é日", "../outside"))}, outside},
		"a link whose name is no UTF-8":            {[][]byte{tarOf(aLink("caf\xe9\x01", "../outside\x01\xff"))}, outside},
		"a name that is no UTF-8 and climbs":       {[][]byte{tarOf(aFile("\xff/../../\xfe\x1b[31m"))}, outside[:9]},
		"a component of 256 bytes":                 {[][]byte{tarOf(aFile(strings.Repeat("n", 256)))}, "256 bytes, more than 255"},
		"a path of 100,000 bytes":                  {[][]byte{tarOf(aFile(strings.Repeat("x", 100_000)))}, "more than 255"},
		"10,000 levels":                            {[][]byte{tarOf(aDirectory(deep))}, "more than 4095 bytes"},
		"a link at 10,000 levels":                  {[][]byte{tarOf(aLink(deep+"l", strings.Repeat("../", 10_001)))}, "more than 4095 bytes"},
		"a file at the end of 10,000 levels":       {[][]byte{tarOf(aFile(deep + "f"))}, "more than 4095 bytes"},
		"a pax path that climbs":                   {[][]byte{tarOf(member{kind: '0', name: "x", pax: record("path", "../outside/evil")})}, outside[:9]},
		"a pax path that is absolute":              {[][]byte{tarOf(member{kind: '0', name: "x", pax: record("path", "/tmp/evil")})}, "absolute"},
		"a pax link that climbs":                   {[][]byte{tarOf(member{kind: '2', name: "x", link: "y", pax: record("linkpath", "../outside")})}, outside},
		"a pax path with a zero byte":              {[][]byte{tarOf(member{kind: '0', name: "x", pax: record("path", "a\x00b")})}, "damaged"},
		"a pax header of 20 MB":                    {[][]byte{tarOf(member{kind: '0', name: "x", pax: record("comment", strings.Repeat("y", 20_000_000))})}, "header"},
		"a global pax header of 20 MB":             {[][]byte{tarOf(member{kind: 'g', name: "x", body: record("comment", strings.Repeat("y", 20_000_000))}, aFile("f"))}, "header"},
		"a pax header without an end":              {[][]byte{tarOf(member{kind: 'x', name: "pax", body: "99999999 comment=x"}, aFile("f"))}, "damaged"},
		"a pax header of wrong lengths":            {[][]byte{tarOf(member{kind: 'x', name: "pax", body: "-5 path=x\n"}, aFile("f"))}, "damaged"},
		"a pax size that is not so":                {[][]byte{tarOf(member{kind: '0', name: "x", pax: record("size", "99999999")})}, "damaged"},
		"a pax size that is negative":              {[][]byte{tarOf(member{kind: '0', name: "x", pax: record("size", "-1")})}, "damaged"},
		"a pax size that is none":                  {[][]byte{tarOf(member{kind: '0', name: "x", pax: record("size", "1e9")})}, "damaged"},
		"a size that is negative":                  {[][]byte{tarOf(member{kind: '0', name: "x", size: "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"})}, "damaged"},
		"a size of 2^62":                           {[][]byte{tarOf(member{kind: '0', name: "x", size: "\x80\x00\x00\x00\x40\x00\x00\x00\x00\x00\x00\x00"})}, ""},
		"a size of 2^80":                           {[][]byte{tarOf(member{kind: '0', name: "x", size: "\x80\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"})}, "damaged"},
		"a size that is no number":                 {[][]byte{tarOf(member{kind: '0', name: "x", size: "IFS=0"})}, "damaged"},
		"a sparse name that climbs":                {[][]byte{tarOf(sparse("../outside/evil", "1", "1\n0\n1\n"))}, outside[:9]},
		"a sparse map longer than its file":        {[][]byte{tarOf(sparse("s", "10", "1\n0\n999999\n"))}, "damaged"},
		"a sparse map that overlaps":               {[][]byte{tarOf(sparse("s", "10", "2\n5\n1\n0\n1\n"))}, "damaged"},
		"a sparse map that overflows":              {[][]byte{tarOf(sparse("s", "10", "1\n9223372036854775807\n9223372036854775807\n"))}, "damaged"},
		"a sparse map of too many parts":           {[][]byte{tarOf(sparse("s", "10", "99999999\n0\n1\n"))}, "damaged"},
		"a sparse size that is negative":           {[][]byte{tarOf(sparse("s", "-1", "0\n"))}, "damaged"},
		"a sparse size that is none":               {[][]byte{tarOf(sparse("s", "x", "0\n"))}, "damaged"},
		"a sparse file of 8 TiB":                   {[][]byte{tarOf(sparse("s", strconv.Itoa(8<<40), "0\n"))}, "sparse files"},
		"data that no map of a sparse file has":    {[][]byte{tarOf(sparse("s", "9", "0\n"))}, "damaged"},
		"sparse files of 8 EiB":                    {[][]byte{tarOf(sparse("s", strconv.Itoa(1<<30), "1\n0\n1\n"), sparse("s", "1152921504606846976", "0\n"))}, "sparse files"},
		"a sparse file of GNU's own":               {[][]byte{tarOf(member{kind: 'S', name: "s", size: "\x80\x00\x00\x00\x40\x00\x00\x00\x00\x00\x00\x00"})}, ""},
		"a file for the place itself":              {[][]byte{tarOf(aFile("./."))}, "itself"},
		"a link for the place itself":              {[][]byte{tarOf(aLink(".", "outside"))}, "itself"},
		"a file and a file below it":               {[][]byte{tarOf(aFile("f"), aFile("f/g"))}, "as a directory"},
		"a file and, of another archive, below it": {[][]byte{tarOf(aFile("f")), tarOf(aFile("f/g"))}, "as a directory"},
		"a wrong checksum":                         {[][]byte{tarOf(member{kind: '0', name: "f", bad: true})}, "damaged"},
		"no tar":                                   {[][]byte{bytes.Repeat([]byte("hello"), 300)}, "damaged"},
		"a tar cut in a header":                    {[][]byte{whole[:300]}, "damaged"},
		"a tar cut in a file":                      {[][]byte{whole[:2048]}, "damaged"},
		"a tar cut in a pax header":                {[][]byte{tarOf(member{kind: '0', name: "f", pax: record("comment", strings.Repeat("y", 5000))})[:2048]}, "damaged"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var layers []layer
			for i, archive := range c.archives {
				layers = append(layers, h.archive(gzipped(t, archive), fmt.Sprintf("d%d", i)))
			}
			input, _ := h.put(t, manifestOf(t, layers))
			code, message, _ := taken(t, input)
			if code != refused || !strings.Contains(message, c.says) {
				t.Errorf("exit code %d and %q, want %d and %q", code, message, refused, c.says)
			}
		})
	}
}

// Blobs that are no archives though they say so.
func TestHostileCompression(t *testing.T) {
	t.Parallel()
	h := newHostile(t)
	good := tarOf(member{kind: '0', name: "f", body: string(noise(5000))})
	packed := gzipped(t, good)
	encoder, err := zstd.NewWriter(nil)
	must(t, err)
	frame := encoder.EncodeAll(good, nil)
	spoiled := func(blob []byte, at int) []byte {
		changed := bytes.Clone(blob)
		changed[at] ^= 0xff
		return changed
	}
	for name, blob := range map[string][]byte{
		"text": []byte("hello"), "nothing": {}, "one byte": {0x1f}, "a tar": good, "gzip of text": gzipped(t, []byte(strings.Repeat("hello", 300))),
		"gzip, cut": packed[:len(packed)-2000], "gzip, cut in its trailer": packed[:len(packed)-4], "gzip, its header alone": packed[:10], "gzip and garbage": append(bytes.Clone(packed), "garbage"...),
		"gzip, wrong sum": spoiled(packed, len(packed)-6), "gzip, wrong length": spoiled(packed, len(packed)-2), "gzip, another method": spoiled(packed, 2),
		"zstd, cut": frame[:len(frame)-2000], "zstd, wrong": spoiled(frame, len(frame)/2), "zstd and garbage": append(bytes.Clone(frame), "garbage"...), "zstd, its magic alone": frame[:4],
		"xz": []byte("\xfd7zXZ\x00 and so on"), "bzip2": []byte("BZh91AY&SY"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			input, _ := h.put(t, manifestOf(t, []layer{h.archive(blob, "d")}))
			if code, message, _ := taken(t, input); code != 186 || !strings.Contains(message, "cannot be unpacked") && !strings.Contains(message, "damaged") {
				t.Errorf("exit code %d, %q", code, message)
			}
		})
	}
}

// A window is memory of who unpacks.
func TestZstdWindowsThatAreTooLarge(t *testing.T) {
	t.Parallel()
	content := tarOf(member{kind: '0', name: "f", body: string(noise(1 << 20))})
	for _, window := range []int{256 << 20, 512 << 20} {
		t.Run(strconv.Itoa(window), func(t *testing.T) {
			t.Parallel()
			encoder, err := zstd.NewWriter(nil, zstd.WithWindowSize(window))
			must(t, err)
			var blob bytes.Buffer
			encoder.Reset(&blob)
			_, err = encoder.Write(content)
			must(t, err)
			must(t, encoder.Close())
			h := newHostile(t)
			input, _ := h.put(t, manifestOf(t, []layer{h.archive(blob.Bytes(), "d")}))
			if code, message, _ := taken(t, input); code != 186 || !strings.Contains(message, "its zstd window is larger than 128 MiB") {
				t.Errorf("exit code %d, %q", code, message)
			}
		})
	}
}

// A blob of a megabyte that unpacks to more than there is room for: the volume it is unpacked on bounds it, and nothing
// is left there.
func TestBombs(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root may mount a small volume")
	}
	t.Parallel()
	zeros := tarOf(member{kind: '0', name: "z", body: string(make([]byte, 256<<20))})
	encoder, err := zstd.NewWriter(nil)
	must(t, err)
	var many []member
	for i := range 50_000 {
		many = append(many, member{kind: '0', name: fmt.Sprintf("f%d", i), mode: 0o644, body: "x"})
	}
	twice := gzipped(t, gzipped(t, zeros))
	for name, c := range map[string]struct {
		blob []byte
		says string
	}{
		"gzip": {gzipped(t, zeros), "no space left on device"}, "zstd": {encoder.EncodeAll(zeros, nil), "no space left on device"},
		"of members": {bytes.Join([][]byte{gzipped(t, zeros[:100<<20]), gzipped(t, zeros[100<<20:])}, nil), "no space left on device"},
		"files":      {gzipped(t, tarOf(many...)), "no space left on device"}, "gzip in gzip": {twice, "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHostile(t)
			input, _ := h.put(t, manifestOf(t, []layer{h.archive(c.blob, "d")}))
			p := newPod(t, "")
			p.work = filepath.Join(t.TempDir(), "small")
			testprogram.Mount(t, p.work, "size=16m,nr_inodes=10000")
			wants(t, p.pull(input), 0, "")
			step := p.prepared("exec", "--share", filepath.Join(p.share, "0"), "--input-path", p.work, "--", "echo", "ran")
			step.watchMemory()
			step.launch()
			code, message := endsSoon(t, step)
			if left, err := os.ReadDir(p.work); code != 186 || !strings.Contains(message, c.says) || len(left) > 0 || err != nil || step.stdout.String() != "" {
				t.Errorf("exit code %d, %q, left %v, %v", code, message, left, err)
			}
			step.stayedBelow(t, mostMemory)
		})
	}
}

// What is odd and harmless is taken, with what could harm taken away.
func TestOddArchivesThatAreTaken(t *testing.T) {
	t.Parallel()
	var links, hardLinks, directories []member
	for i := range 5000 {
		links = append(links, aLink(fmt.Sprintf("l%d", i), "t"))
		hardLinks = append(hardLinks, aHardLink(fmt.Sprintf("d/h%d", i), "t"))
	}
	for i := range 2000 {
		directories = append(directories, aDirectory(fmt.Sprintf("d%d/e/f", i)))
	}
	every := ""
	for c := 1; c < 256; c++ {
		if c != '/' {
			every += string([]byte{byte(c)})
		}
	}
	for name, c := range map[string]struct {
		members []member
		check   string
	}{
		"setuid, setgid, sticky": {
			[]member{{kind: '5', name: "d", mode: 0o7777}, {kind: '0', name: "d/su", mode: 0o6755, body: "x"}}, `[ "$(stat -c %a d d/su | tr '\n' ' ')" = "1777 755 " ]`,
		},
		"no permissions":                {[]member{{kind: '5', name: "d", mode: 0o10000}, {kind: '0', name: "d/f", mode: 0o10000, body: "x"}}, `[ "$(stat -c %a d d/f | tr '\n' ' ')" = "0 0 " ]`},
		"the same name again":           {[]member{aFile("f"), {kind: '0', name: "f", body: "22"}, {kind: '0', name: "./f", body: "333"}}, `[ "$(cat f)" = 333 ]`},
		"a link, then a file in place":  {[]member{aFile("t"), aLink("l", "t"), {kind: '0', name: "l", body: "new"}}, `[ "$(cat l t)" = newevil ] && [ ! -L l ]`},
		"5,000 links":                   {append([]member{aFile("t")}, links...), `[ $(find . -type l | wc -l) = 5000 ]`},
		"5,000 hard links":              {append([]member{aFile("t")}, hardLinks...), `[ $(stat -c %h t) = 5001 ]`},
		"2,000 directories of three":    {directories, `[ $(find . -type d | wc -l) = 6001 ]`},
		"2,000 levels":                  {[]member{aFile(strings.Repeat("d/", 2000) + "f")}, `[ $(find . -name f | wc -l) = 1 ]; e=$?; rm -rf d; exit $e`},
		"names of every byte":           {[]member{{kind: '0', name: "x", pax: record("path", every[:120])}, {kind: '0', name: every[120:200]}, {kind: '0', name: every[200:]}}, `[ $(find . -type f -print0 | tr -dc '\0' | wc -c) = 3 ]`},
		"a component of 255 bytes":      {[]member{aFile(strings.Repeat("n", 255))}, `[ $(ls | wc -c) = 256 ]`},
		"owners that are not there":     {[]member{{kind: '0', name: "f", pax: record("uid", "4294967295") + record("gid", "4294967295") + record("uname", "root")}}, `[ "$(stat -c %u f)" = "$(id -u)" ]`},
		"times that cannot be":          {[]member{{kind: '0', name: "f", pax: record("mtime", "99999999999999.9") + record("atime", "-5")}}, `[ -e f ] && [ $(($(date +%s) - $(stat -c %Y f))) -lt 1000 ]`},
		"a global header with a path":   {[]member{{kind: 'g', name: "g", body: record("path", "../outside/evil")}, aFile("f")}, `[ -e f ]`},
		"a sparse file of 4 GiB":        {[]member{{kind: '0', name: "x", body: "0\n" + strings.Repeat("\x00", 510), pax: record("GNU.sparse.major", "1") + record("GNU.sparse.minor", "0") + record("GNU.sparse.name", "s") + record("GNU.sparse.realsize", strconv.Itoa(4<<30))}}, `[ $(stat -c %b s) -lt 100 ] && [ $(stat -c %s s) = 4294967296 ]`},
		"blocks behind the end":         {[]member{aFile("f")}, `[ -e f ]`},
		"a link to what comes later":    {[]member{aHardLink("h", "f"), aLink("l", "f"), aFile("f")}, `[ "$(cat h l)" = evilevil ]`},
		"a link to nothing":             {[]member{aLink("l", "nowhere")}, `[ -L l ]`},
		"attributes that are not given": {[]member{{kind: '0', name: "f", pax: record("SCHILY.xattr.security.capability", "\x01\x00\x00\x02") + record("SCHILY.xattr.trusted.x", "y")}}, `! getcap f 2>&1 | grep cap_`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHostile(t)
			archive := tarOf(c.members...)
			if name == "blocks behind the end" {
				archive = append(archive, noise(100_000)...)
			}
			input, _ := h.put(t, manifestOf(t, []layer{h.archive(gzipped(t, archive), "d")}))
			code, message, place := taken(t, input)
			if code != 0 {
				t.Fatalf("exit code %d: %s", code, message)
			}
			shell(t, place, c.check)
		})
	}
}

// What an archive of few bytes makes many of: the launcher holds little for each.
func TestManyEntries(t *testing.T) {
	t.Parallel()
	for name, make := range map[string]func(i int) member{
		"files":       func(i int) member { return member{kind: '0', name: fmt.Sprintf("f%d", i)} },
		"links":       func(i int) member { return aLink(fmt.Sprintf("l%d", i), "t") },
		"hard links":  func(i int) member { return aHardLink(fmt.Sprintf("h%d", i), "t") },
		"directories": func(i int) member { return aDirectory(fmt.Sprintf("d%d/e%d", i/100, i)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			members := []member{aFile("t")}
			for i := range 10_000 {
				members = append(members, make(i))
			}
			h := newHostile(t)
			input, _ := h.put(t, manifestOf(t, []layer{h.archive(gzipped(t, tarOf(members...)), "d")}))
			if code, message, _ := taken(t, input); code != 0 {
				t.Errorf("exit code %d: %s", code, message)
			}
		})
	}
}

// noise is content that cannot be compressed, the same each time.
func noise(size int) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	content := make([]byte, size+8)
	for i := 0; i < size; i += 8 {
		binary.LittleEndian.PutUint64(content[i:], random.Uint64())
	}
	return content[:size]
}
