package unpack

import (
	"crypto/rand"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/names"
)

// stageKey tells which existing directories can share a staging directory: rename stays within a mount, and files take
// the group of the directory that they are made in if it has the setgid bit, as volumes with fsGroup have.
type stageKey struct {
	mount  mountID
	setgid bool
	gid    uint32
}

// stage is a directory for what is new on one mount.
type stage struct {
	owner   *directory
	parent  int // descriptor of the directory it is in
	name    string
	fd      int // it itself; it holds the lock
	folders int
}

type restoration struct {
	at   place
	mode uint32
}

// prepare gives an existing directory a folder in a staging directory. What cannot work at the end is told now.
func (t *Target) prepare(d *directory) error {
	fd, err := t.opener.open(d.at.anchor, d.at.path, unix.O_PATH)
	if err != nil {
		return t.failure(err, "%s cannot be opened by user %d: %s", t.shown(d.path), os.Getuid(), reason(err))
	}
	defer func() { _ = unix.Close(fd) }()
	st, err := statusOf(fd)
	if err != nil {
		return t.failure(err, "%s cannot be looked at: %s", t.shown(d.path), reason(err))
	}
	if err := unix.Faccessat(fd, ".", unix.W_OK|unix.X_OK, 0); err != nil && !(err == unix.EACCES && t.unlock(d, fd)) {
		return t.failure(err, "%s belongs to user %d and cannot be written by user %d (%s); name a writable place (input-path), or mount a volume there",
			t.shown(d.path), st.uid, os.Getuid(), reason(err))
	}
	key := stageKey{mount: st.mount}
	if st.mode&unix.S_ISGID != 0 {
		key.setgid, key.gid = true, st.gid
	}
	s := t.stages[key]
	if s == nil {
		if s, err = makeStage(d, fd); err != nil {
			return t.failure(err, "nothing can be made in %s by user %d: %s; name a writable place, or mount a volume there",
				t.shown(d.path), os.Getuid(), reason(err))
		}
		t.stages[key] = s
	}
	folder := strconv.Itoa(s.folders)
	s.folders++
	if err := unix.Mkdirat(s.fd, folder, 0o700); err != nil {
		return t.failure(err, "nothing can be made in %s: %s", t.shown(s.owner.path), reason(err))
	}
	d.staged = &place{anchor: s.fd, path: folder}
	t.present = append(t.present, d)
	return nil
}

// unlock lets the owner write in a read-only directory of his own until the end.
func (t *Target) unlock(d *directory, fd int) bool {
	st, err := statusOf(fd)
	if err != nil || st.uid != uint32(os.Geteuid()) || st.mode&0o700 == 0o700 {
		return false
	}
	if changeMode(fd, st.mode&0o7777|0o700) != nil {
		return false
	}
	t.restore = append(t.restore, restoration{at: d.at, mode: st.mode & 0o7777})
	return true
}

// restoreModes gives unlocked directories their modes back, innermost first.
func (t *Target) restoreModes() {
	for i := len(t.restore) - 1; i >= 0; i-- {
		r := t.restore[i]
		if fd, err := t.opener.open(r.at.anchor, r.at.path, unix.O_PATH); err == nil {
			_ = changeMode(fd, r.mode)
			_ = unix.Close(fd)
		}
	}
	t.restore = nil
}

// makeStage makes and locks a staging directory in d, after those that killed attempts left there are gone.
func makeStage(d *directory, fd int) (*stage, error) {
	parent, err := unix.Openat(fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil { // may be written but not read: what was left there cannot be seen
		if parent, err = unix.Openat(fd, ".", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
			return nil, err
		}
	} else {
		removeAbandoned(parent)
	}
	for {
		s := &stage{owner: d, parent: parent, name: names.StagePrefix + rand.Text()}
		if err := unix.Mkdirat(parent, s.name, 0o700); err != nil {
			_ = unix.Close(parent)
			return nil, err
		}
		locked, err := s.lock()
		if err != nil {
			_ = unix.Close(parent)
			return nil, err
		}
		if locked {
			return s, nil
		}
	}
}

// lock opens and locks. Somebody else may have taken it for abandoned in between: then it is gone, or locked by him.
func (s *stage) lock() (bool, error) {
	fd, err := unix.Openat(s.parent, s.name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err == unix.ENOENT {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	s.fd = fd
	var here, named unix.Stat_t
	err = unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB)
	if err == unix.EWOULDBLOCK {
		_ = unix.Close(fd)
		return false, nil
	}
	// File systems without locks have no abandoned ones removed either.
	if unix.Fstat(fd, &here) != nil || unix.Fstatat(s.parent, s.name, &named, unix.AT_SYMLINK_NOFOLLOW) != nil || here.Ino != named.Ino {
		_ = unix.Close(fd)
		return false, nil
	}
	return true, nil
}

func (s *stage) remove() error {
	err := removeTree(s.parent, s.name)
	_ = unix.Close(s.fd)
	_ = unix.Close(s.parent)
	return err
}

// removeAbandoned removes staging directories that nobody holds.
func removeAbandoned(parent int) {
	found, err := list(parent)
	if err != nil {
		return
	}
	for _, name := range found {
		if !strings.HasPrefix(name, names.StagePrefix) {
			continue
		}
		fd, err := unix.Openat(parent, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			continue
		}
		if unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) == nil {
			_ = removeTree(parent, name)
		}
		_ = unix.Close(fd)
	}
}

// removeTree removes a file or a directory with everything in it and follows no link.
func removeTree(parent int, name string) error {
	err := unix.Unlinkat(parent, name, 0)
	if err == nil || err == unix.ENOENT {
		return nil
	}
	fd, openErr := unix.Openat(parent, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if openErr != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	children, err := list(fd)
	if err != nil {
		return err
	}
	for _, child := range children {
		if err := removeTree(fd, child); err != nil {
			return err
		}
	}
	return unix.Unlinkat(parent, name, unix.AT_REMOVEDIR)
}

// list returns the names in an open directory.
func list(fd int) ([]string, error) {
	again, err := unix.Openat(fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(again), "directory")
	defer func() { _ = f.Close() }()
	return f.Readdirnames(-1)
}
