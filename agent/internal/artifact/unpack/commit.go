package unpack

import (
	"context"
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/names"
)

// Commit gives everything its final name and mode. It is called once, when all inputs are whole and verified.
func (t *Target) Commit(ctx context.Context) error {
	if err := t.begin(ctx); err != nil {
		return err
	}
	t.committed = true
	for _, d := range t.present {
		if err := ended(ctx); err != nil {
			return err
		}
		if err := t.publish(d); err != nil {
			return err
		}
	}
	for i := len(t.made) - 1; i >= 0; i-- { // parents were made first
		if err := t.setMode(t.made[i]); err != nil {
			return err
		}
	}
	t.removeStages()
	t.restoreModes()
	return nil
}

// publish moves what is new in an existing directory to where it belongs.
func (t *Target) publish(d *directory) error {
	from, err := t.opener.open(d.staged.anchor, d.staged.path, unix.O_RDONLY)
	if err != nil {
		return t.failure(err, "%s cannot be filled: %s", t.shown(d.path), reason(err))
	}
	defer func() { _ = unix.Close(from) }()
	to, err := t.opener.open(d.at.anchor, d.at.path, unix.O_PATH)
	if err != nil {
		return t.failure(err, "%s cannot be opened: %s", t.shown(d.path), reason(err))
	}
	defer func() { _ = unix.Close(to) }()
	children, err := list(from)
	if err != nil {
		return t.failure(err, "%s cannot be filled: %s", t.shown(d.path), reason(err))
	}
	for _, name := range children {
		if err := t.move(from, to, name, names.Join(d.path, name)); err != nil {
			return err
		}
	}
	return nil
}

// move renames. A directory that came into being meanwhile, made by another launcher or under a second name of its
// parent, takes the contents of ours.
func (t *Target) move(from, to int, name, path string) error {
	err := unix.Renameat(from, name, to, name)
	if err == unix.EEXIST || err == unix.ENOTEMPTY {
		return t.merge(from, to, name, path)
	}
	if cannotRename(err) {
		return t.carry(from, to, name, path)
	}
	if err == unix.EISDIR || err == unix.ENOTDIR {
		var st unix.Stat_t
		_ = unix.Fstatat(to, name, &st, unix.AT_SYMLINK_NOFOLLOW)
		return t.failure(err, "%s of the input is in the way of %s that came there meanwhile", t.shown(path), kindOf(st.Mode))
	}
	if err != nil {
		return t.failure(err, "%s cannot be put in place by user %d: %s", t.shown(path), os.Getuid(), reason(err))
	}
	return nil
}

func (t *Target) merge(from, to int, name, path string) error {
	ours, err := unix.Openat(from, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return t.failure(err, "%s cannot be put in place: %s", t.shown(path), reason(err))
	}
	defer func() { _ = unix.Close(ours) }()
	theirs, err := unix.Openat(to, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return t.failure(err, "%s cannot be put in place: %s", t.shown(path), reason(err))
	}
	defer func() { _ = unix.Close(theirs) }()
	children, err := list(ours)
	if err != nil {
		return t.failure(err, "%s cannot be put in place: %s", t.shown(path), reason(err))
	}
	if st, err := statusOf(theirs); err == nil && st.uid == uint32(os.Geteuid()) && st.mode&0o700 != 0o700 {
		if changeMode(theirs, st.mode&0o7777|0o700) == nil {
			defer func() { _ = changeMode(theirs, st.mode&0o7777) }()
		}
	}
	for _, child := range children {
		if err := t.move(ours, theirs, child, names.Join(path, child)); err != nil {
			return err
		}
	}
	return nil
}

// setMode gives a new directory the mode of its entry. It may be entered by its owner until then.
func (t *Target) setMode(d *directory) error {
	if d.mode == d.have {
		return nil
	}
	place := d.final()
	fd, err := t.opener.open(place.anchor, place.path, unix.O_RDONLY)
	if err != nil {
		return t.failure(err, "the mode of %s cannot be set: %s", t.shown(d.path), reason(err))
	}
	defer func() { _ = unix.Close(fd) }()
	st, err := statusOf(fd)
	if err == nil {
		err = unix.Fchmod(fd, d.mode|st.mode&unix.S_ISGID) // that bit is its parent's, see inode(7)
	}
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EOPNOTSUPP) {
		t.tellOnce("mode", "the mode of %s could not be set: %s", t.shown(d.path), reason(err))
		return nil
	}
	if err != nil {
		return t.failure(err, "the mode of %s cannot be set: %s", t.shown(d.path), reason(err))
	}
	return nil
}
