package unpack

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/names"
)

// attribute is an extended attribute of the kind that users may set.
type attribute struct{ name, value string }

// item is a file or a symbolic link that a worker makes in the directory of its batch.
type item struct {
	order  int64 // of the entry among all, so that the first failure can be told
	name   string
	mode   uint32
	link   string // where a symbolic link leads; empty: a file
	sparse bool
	attrs  []attribute
	// data is the content, in the arena of the batch, or chunks brings it piece by piece and size is its length.
	data   []byte
	chunks chan []byte
	size   int64
}

// hole is the unit in which runs of zeros are left out of sparse files.
const hole = 4096

// writeAll makes the items of a batch.
func (t *Target) writeAll(b *batch, recycle func([]byte)) (failedAt int64, err error) {
	d := b.directory
	fd, err := t.opener.open(b.in.anchor, b.in.path, unix.O_PATH)
	if err != nil {
		return b.items[0].order, t.failure(err, "%s cannot be opened: %s", t.shown(d.path), reason(err))
	}
	defer func() { _ = unix.Close(fd) }()
	present := -1
	if d.existing {
		if present, err = t.opener.open(d.at.anchor, d.at.path, unix.O_PATH); err != nil {
			return b.items[0].order, t.failure(err, "%s cannot be opened: %s", t.shown(d.path), reason(err))
		}
		defer func() { _ = unix.Close(present) }()
	}
	for i := range b.items {
		it := &b.items[i]
		if err := t.writeOne(d, fd, present, it, recycle); err != nil {
			return it.order, err
		}
	}
	return 0, nil
}

func (t *Target) writeOne(d *directory, fd, present int, it *item, recycle func([]byte)) error {
	path := names.Join(d.path, it.name)
	if present >= 0 {
		var st unix.Stat_t
		err := unix.Fstatat(present, it.name, &st, unix.AT_SYMLINK_NOFOLLOW)
		if err == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR {
			return t.failure(nil, "the input has a file %s where a directory is; remove it, or unpack elsewhere", t.shown(path))
		}
	}
	if it.link != "" {
		return t.writeLink(fd, path, it)
	}
	made := it.mode
	if len(it.attrs) > 0 {
		made |= 0o200 // attributes are set by who may write the file, however it was opened
	}
	file, err := create(fd, it.name, made)
	if err != nil {
		return t.cannotMake(path, err)
	}
	err = t.fill(file, it, recycle)
	if err == nil && len(it.attrs) > 0 {
		t.setAttributes(file, path, it.attrs)
	}
	if err == nil && made&^t.umask != it.mode {
		if err := unix.Fchmod(file, it.mode); err != nil {
			t.tellOnce("mode", "the mode of %s could not be set: %s", t.shown(path), reason(err))
		}
	}
	if closeErr := unix.Close(file); err == nil {
		err = closeErr // NFS tells a full disk here
	}
	if err != nil {
		return t.failure(err, "%s cannot be written: %s", t.shown(path), reason(err))
	}
	t.setTime(fd, it.name)
	return nil
}

// create makes a new file. What an earlier input, or an earlier entry of this one, left under that name gives way.
func create(fd int, name string, mode uint32) (int, error) {
	const flags = unix.O_WRONLY | unix.O_CREAT | unix.O_EXCL | unix.O_NOFOLLOW | unix.O_CLOEXEC
	file, err := openRetry(fd, name, flags, mode)
	if err == unix.EEXIST {
		if err := unix.Unlinkat(fd, name, 0); err != nil {
			return -1, err
		}
		file, err = openRetry(fd, name, flags, mode)
	}
	return file, err
}

func openRetry(fd int, name string, flags int, mode uint32) (int, error) {
	for {
		file, err := unix.Openat(fd, name, flags, mode)
		if err != unix.EINTR {
			return file, err
		}
	}
}

func (t *Target) writeLink(fd int, path string, it *item) error {
	err := unix.Symlinkat(it.link, fd, it.name)
	if err == unix.EEXIST {
		if err = unix.Unlinkat(fd, it.name, 0); err == nil {
			err = unix.Symlinkat(it.link, fd, it.name)
		}
	}
	if err != nil {
		return t.cannotMake(path, err)
	}
	t.setTime(fd, it.name)
	return nil
}

func (t *Target) cannotMake(path string, err error) error {
	if err == unix.EISDIR {
		return t.failure(err, "the inputs have %s as a file and as a directory; which is meant cannot be known", t.shown(path))
	}
	return t.failure(err, "%s cannot be made by user %d: %s", t.shown(path), os.Getuid(), reason(err))
}

func (t *Target) setTime(fd int, name string) {
	now := unix.NsecToTimespec(t.options.Now.UnixNano())
	// A time that cannot be set is the file system's own, which is now as well.
	_ = unix.UtimesNanoAt(fd, name, []unix.Timespec{now, now}, unix.AT_SYMLINK_NOFOLLOW)
}

func (t *Target) setAttributes(file int, path string, attrs []attribute) {
	for _, a := range attrs {
		if err := unix.Fsetxattr(file, a.name, []byte(a.value), 0); err != nil {
			t.tellOnce("attributes", "extended attributes could not be kept here; the first: %s of %s: %s", a.name, t.shown(path), reason(err))
		}
	}
}

// fill writes the content. All chunks are taken, also after an error.
func (t *Target) fill(file int, it *item, recycle func([]byte)) error {
	s := sink{file: file, sparse: it.sparse}
	if it.chunks == nil {
		s.write(it.data)
		return s.end(int64(len(it.data)))
	}
	for chunk := range it.chunks {
		s.write(chunk)
		recycle(chunk)
	}
	return s.end(it.size)
}

// sink writes a file from front to end, without the zeros if it is sparse.
type sink struct {
	file   int
	sparse bool
	at     int64
	err    error
}

func (s *sink) write(p []byte) {
	if !s.sparse {
		s.put(p)
		return
	}
	for len(p) > 0 && s.err == nil {
		n := zeros(p)
		s.at += int64(n)
		p = p[n:]
		n = data(p)
		s.put(p[:n])
		p = p[n:]
	}
}

// zeros is the length of the whole holes at the front, data that of what follows up to the next one.
func zeros(p []byte) int {
	n := 0
	for len(p)-n >= hole && isZero(p[n:n+hole]) {
		n += hole
	}
	return n
}

func data(p []byte) int {
	n := 0
	for n < len(p) && !(len(p)-n >= hole && isZero(p[n:n+hole])) {
		n = min(n+hole, len(p))
	}
	return n
}

var zeroHole = strings.Repeat("\x00", hole)

func isZero(p []byte) bool { return string(p) == zeroHole }

func (s *sink) put(p []byte) {
	for len(p) > 0 && s.err == nil {
		n, err := unix.Pwrite(s.file, p, s.at)
		if err == unix.EINTR {
			continue
		}
		s.err = err
		s.at += int64(max(n, 0))
		p = p[max(n, 0):]
	}
}

func (s *sink) end(size int64) error {
	if s.err == nil && s.sparse {
		s.err = unix.Ftruncate(s.file, size)
	}
	return s.err
}
