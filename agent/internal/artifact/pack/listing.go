package pack

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"

	"golang.org/x/sys/unix"
)

// listing holds the names in a directory, all at once because they are sorted: of a million, each byte counts.
type listing struct {
	// names stand one after the other in blocks: one block that grew would be there twice.
	names   [][]byte
	entries []entry
}

// entry is a name in a directory.
type entry struct {
	at     uint32 // in the names
	length uint16
	kind   uint8 // DT_ of readdir(3)
}

// blockBytes is more than any name has.
const blockBytes = 1 << 16

func (l *listing) bytes(e entry) []byte { return l.names[e.at/blockBytes][e.at%blockBytes:][:e.length] }

func (l *listing) add(name []byte, kind uint8) {
	last := len(l.names) - 1
	if last < 0 || len(l.names[last])+len(name) > blockBytes {
		l.names = append(l.names, make([]byte, 0, blockBytes))
		last++
	}
	at := last*blockBytes + len(l.names[last])
	l.names[last] = append(l.names[last], name...)
	l.entries = append(l.entries, entry{uint32(at), uint16(len(name)), kind})
}

func (l *listing) name(e entry) string { return string(l.bytes(e)) }

func (l *listing) sort() {
	slices.SortFunc(l.entries, func(a, b entry) int { return bytes.Compare(l.bytes(a), l.bytes(b)) })
}

// readDirectory returns the names in a directory, unsorted, with their kinds.
func readDirectory(fd int) (*listing, error) {
	l := &listing{}
	buffer := make([]byte, 32<<10)
	for {
		n, err := unix.Getdents(fd, buffer)
		if err == unix.EINTR {
			continue
		}
		if err == nil && len(l.names) >= math.MaxUint32/blockBytes {
			err = unix.EOVERFLOW
		}
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return l, nil
		}
		for rest := buffer[:n]; len(rest) > 0; {
			// struct linux_dirent64 (getdents(2)): inode, offset, length of the record, kind, name.
			length := binary.NativeEndian.Uint16(rest[16:])
			name := rest[19:length]
			name = name[:bytes.IndexByte(name, 0)]
			if string(name) != "." && string(name) != ".." {
				l.add(name, kindIn(fd, name, rest[18]))
			}
			rest = rest[length:]
		}
	}
}

// kindIn is the kind of a name; some file systems do not tell it with the name.
func kindIn(fd int, name []byte, kind uint8) uint8 {
	if kind != unix.DT_UNKNOWN {
		return kind
	}
	var st unix.Stat_t
	if unix.Fstatat(fd, string(name), &st, unix.AT_SYMLINK_NOFOLLOW) != nil {
		return unix.DT_REG // whoever opens it finds out
	}
	return uint8(st.Mode & unix.S_IFMT >> 12)
}
