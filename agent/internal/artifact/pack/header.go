package pack

import (
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	block = 512
	// fixedTime is the time of modification of every entry: 1980-02-01 00:00:00 UTC. Zip files, and with them Python
	// wheels and Java archives, cannot hold a time before 1980 in any time zone.
	fixedTime = 318211200
	// largestOctal is the largest size that a ustar header holds (8 GiB - 1).
	largestOctal = 1<<33 - 1
)

// Kinds of entries (POSIX pax, "ustar Interchange Format").
const (
	kindFile      = '0'
	kindHardLink  = '1'
	kindLink      = '2'
	kindDirectory = '5'
	kindExtended  = 'x'
)

// header describes an entry of a tar.
type header struct {
	name    string // a directory's ends in a slash
	kind    byte
	mode    uint32
	size    int64 // in the archive
	link    string
	records []record // beside those for name, size and link
}

// record is an extended attribute of an entry (POSIX pax, "pax Extended Header").
type record struct{ key, value string }

// appendHeader appends the blocks of a header. Names are the bytes that they are, in UTF-8 or not; an extended header is
// only written where something does not fit, so that the plainest readers understand plain trees.
func appendHeader(b []byte, h header) []byte {
	records := slices.Clone(h.records)
	prefix, name, fits := splitName(h.name)
	if !fits {
		records = append(records, record{"path", h.name})
	}
	if len(h.link) > 100 {
		records = append(records, record{"linkpath", h.link})
	}
	size := h.size
	if size > largestOctal {
		records = append(records, record{"size", strconv.FormatInt(size, 10)})
		size = 0
	}
	if len(records) > 0 {
		body := encodeRecords(records)
		b = appendUstar(b, "", "PaxHeaders.0/"+shortened(path.Base(h.name), 80), "", kindExtended, 0o644, int64(len(body)))
		b = append(b, body...)
		b = appendPadding(b, int64(len(body)))
	}
	return appendUstar(b, prefix, name, shortened(h.link, 100), h.kind, h.mode, size)
}

// splitName divides a name at a slash into what the two fields of a ustar header hold, if it can.
func splitName(name string) (prefix, rest string, fits bool) {
	if len(name) <= 100 {
		return "", name, true
	}
	for i := 1; i < len(name)-1 && i <= 155; i++ {
		if name[i] == '/' && len(name)-i-1 <= 100 {
			return name[:i], name[i+1:], true
		}
	}
	return "", shortened(name, 100), false
}

func shortened(s string, most int) string { return s[:min(len(s), most)] }

// encodeRecords writes extended attributes in order of their keys, each with its own length in front.
func encodeRecords(records []record) string {
	slices.SortFunc(records, func(a, b record) int { return strings.Compare(a.key, b.key) })
	var b strings.Builder
	for _, r := range records {
		if (r.key == "path" || r.key == "linkpath" || r.key == sparseName) && !utf8.ValidString(r.value) {
			b.WriteString(encodeRecord(record{"hdrcharset", "BINARY"}))
			break
		}
	}
	for _, r := range records {
		b.WriteString(encodeRecord(r))
	}
	return b.String()
}

func encodeRecord(r record) string {
	body := " " + r.key + "=" + r.value + "\n"
	length := len(body)
	for digits := len(strconv.Itoa(length)); ; digits++ { // the length counts itself
		if n := length + digits; len(strconv.Itoa(n)) == digits {
			return strconv.Itoa(n) + body
		}
	}
}

// appendUstar appends one block. Owner is 0 without a name.
func appendUstar(b []byte, prefix, name, link string, kind byte, mode uint32, size int64) []byte {
	start := len(b)
	b = append(b, make([]byte, block)...)
	h := b[start:]
	copy(h[0:100], name)
	octal(h[100:108], int64(mode))
	octal(h[108:116], 0)
	octal(h[116:124], 0)
	octal(h[124:136], size)
	octal(h[136:148], fixedTime)
	h[156] = kind
	copy(h[157:257], link)
	copy(h[257:265], "ustar\x0000")
	octal(h[329:337], 0)
	octal(h[337:345], 0)
	copy(h[345:500], prefix)
	copy(h[148:156], "        ")
	var sum int64
	for _, c := range h {
		sum += int64(c)
	}
	octal(h[148:155], sum)
	return b
}

// octal fills a field but for its last byte, which is zero.
func octal(field []byte, value int64) {
	for i := len(field) - 2; i >= 0; i-- {
		field[i] = '0' + byte(value&7)
		value >>= 3
	}
	field[len(field)-1] = 0
}

// appendPadding fills the last block of size bytes of content.
func appendPadding(b []byte, size int64) []byte {
	return append(b, make([]byte, padding(size))...)
}

func padding(size int64) int64 { return -size & (block - 1) }
