package pack

import (
	"strings"

	"golang.org/x/sys/unix"
)

// attributes are the extended attributes of a file, as records of a tar, and the name of one that cannot be one.
type attributes struct {
	records []record
	foreign string
}

const (
	attributePrefix = "SCHILY.xattr."
	userAttributes  = "user."
	// mostAttributes bounds those of one file: Go's reader takes extended headers up to 1 MiB.
	mostAttributes = 512 << 10
	labelAttribute = "security.selinux" // of every file, where there is SELinux; it means nothing elsewhere
)

// attributesOf reads the attributes that users may set. Where they cannot be read there are none.
func attributesOf(fd int) attributes {
	var a attributes
	size, err := unix.Flistxattr(fd, nil)
	if err != nil || size == 0 {
		return a
	}
	list := make([]byte, size)
	if size, err = unix.Flistxattr(fd, list); err != nil {
		return a
	}
	total := 0
	for name := range strings.SplitSeq(strings.TrimSuffix(string(list[:size]), "\x00"), "\x00") {
		if !strings.HasPrefix(name, userAttributes) || strings.ContainsAny(name, "=\n") {
			if name != labelAttribute && name != "" {
				a.foreign = name
			}
			continue
		}
		value := make([]byte, 64<<10) // XATTR_SIZE_MAX
		n, err := unix.Fgetxattr(fd, name, value)
		if err != nil {
			continue
		}
		if total += n; total > mostAttributes {
			a.foreign = name
			continue
		}
		a.records = append(a.records, record{attributePrefix + name, string(value[:n])})
	}
	return a
}

// load does what a worker can do for a batch: open, look, read what is small.
func (s *step) load(scan bool) {
	open := 0
	for i := range s.items {
		item := &s.items[i]
		switch item.kind {
		case unix.DT_LNK:
			item.readLink(s.folder)
		case unix.DT_REG:
			s.loadFile(item, scan, &open)
		}
	}
}

func (item *found) readLink(f *folder) {
	for size := 256; ; size *= 4 {
		buffer := make([]byte, size)
		n, err := unix.Readlinkat(f.fd, item.name, buffer)
		if err != nil {
			item.problem = problemOf("", err)
			return
		}
		if n < size {
			item.link = string(buffer[:n])
			return
		}
	}
}

func (s *step) loadFile(item *found, scan bool, open *int) {
	fd, err := openIn(s.folder.fd, item.name, 0)
	if err == nil {
		err = unix.Fstat(fd, &item.st)
	}
	if err != nil {
		item.problem = problemOf("", err)
		return
	}
	keep := false
	defer func() {
		if !keep {
			_ = unix.Close(fd)
		}
	}()
	if item.st.Mode&unix.S_IFMT != unix.S_IFREG {
		item.problem = &problem{kind: changed, words: "is no file any more"}
		return
	}
	if scan {
		return
	}
	item.attrs = attributesOf(fd)
	size := int(min(item.st.Size, smallFile+1))
	if size > smallFile || len(s.arena)+size+1 > arenaBytes {
		if *open < openFiles {
			*open++
			item.fd, keep = fd, true
		}
		return
	}
	if s.arena == nil {
		s.arena = make([]byte, 0, arenaBytes)
	}
	// One byte more, to see that there is none.
	at := len(s.arena)
	n, err := readFull(fd, s.arena[at:at+size+1])
	if err != nil {
		item.problem = problemOf("", err)
		return
	}
	if n < size {
		item.problem = &problem{kind: changed, words: "became shorter"}
		return
	}
	s.arena = s.arena[:at+size]
	item.data, item.loaded = s.arena[at:at+size:at+size], true
	if n > size {
		item.problem = &problem{kind: grown}
	}
}

func readFull(fd int, p []byte) (int, error) {
	n := 0
	for n < len(p) {
		m, err := unix.Read(fd, p[n:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return n, err
		}
		if m == 0 {
			break
		}
		n += m
	}
	return n, nil
}

// reset makes a step free. Descriptors that nobody took are closed.
func (s *step) reset() {
	for i := range s.items {
		if s.items[i].fd >= 0 {
			_ = unix.Close(s.items[i].fd)
		}
	}
	if s.folder != nil {
		s.folder.release()
	}
	clear(s.items)
	s.items, s.arena, s.folder, s.problem = s.items[:0], s.arena[:0], nil, nil
}
