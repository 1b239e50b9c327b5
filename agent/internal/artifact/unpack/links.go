package unpack

import (
	"context"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/names"
)

// makeHardLinks makes the hard links of an archive when all its files are there.
func (a *archive) makeHardLinks(ctx context.Context) error {
	for _, link := range a.links {
		if err := ended(ctx); err != nil {
			return err
		}
		if err := a.makeHardLink(link); err != nil {
			return err
		}
	}
	return nil
}

// makeHardLink links to what an input brought or, where none did, to what was there. A link to a symbolic link, which
// GNU tar writes, becomes a symbolic link that must stay inside from where it stands now.
func (a *archive) makeHardLink(link hardLink) error {
	t := a.target
	path := names.Join(link.directory.path, link.name)
	above, name := names.Split(link.target)
	directory, err := t.resolve(above, false)
	if err != nil {
		return err
	}
	missing := t.failure(nil, "the input's hard link %s leads to %s, which is no file in it", t.shown(path), t.shown(link.target))
	if directory == nil || name == "" || link.target == path {
		return missing
	}
	source, kind := t.openHolder(directory, name)
	if source < 0 {
		return missing
	}
	defer func() { _ = unix.Close(source) }()
	in, err := t.fresh(link.directory)
	if err != nil {
		return err
	}
	fd, err := t.opener.open(in.anchor, in.path, unix.O_PATH)
	if err != nil {
		return t.failure(err, "%s cannot be opened: %s", t.shown(link.directory.path), reason(err))
	}
	defer func() { _ = unix.Close(fd) }()
	if present := t.presentKind(link.directory, link.name); present == unix.S_IFDIR {
		return t.failure(nil, "the input has a file %s where a directory is; remove it, or unpack elsewhere", t.shown(path))
	}
	switch kind {
	case unix.S_IFREG:
		err = linkFile(source, name, fd, link.name)
	case unix.S_IFLNK:
		target := readLink(source, name)
		if !a.linkStays(link.directory, target) {
			return t.failure(nil, "the input's link %s -> %s leads out of %s", t.shown(path), names.Printable(target), t.place)
		}
		return t.writeLink(fd, path, &item{name: link.name, link: target})
	default:
		return missing
	}
	if err != nil {
		return t.cannotMake(path, err)
	}
	return nil
}

// openHolder opens the directory in which a file is: that of what is new, else that of what was there.
func (t *Target) openHolder(d *directory, name string) (int, uint32) {
	places := []place{d.at}
	if d.existing && d.staged != nil {
		places = []place{*d.staged, d.at}
	}
	for _, p := range places {
		fd, err := t.opener.open(p.anchor, p.path, unix.O_PATH)
		if err != nil {
			continue
		}
		var st unix.Stat_t
		if unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW) == nil {
			return fd, st.Mode & unix.S_IFMT
		}
		_ = unix.Close(fd)
	}
	return -1, 0
}

// presentKind is the kind of what is there under a name in an existing directory; 0 if nothing is.
func (t *Target) presentKind(d *directory, name string) uint32 {
	if !d.existing {
		return 0
	}
	fd, err := t.opener.open(d.at.anchor, d.at.path, unix.O_PATH)
	if err != nil {
		return 0
	}
	defer func() { _ = unix.Close(fd) }()
	var st unix.Stat_t
	if unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil {
		return 0
	}
	return st.Mode & unix.S_IFMT
}

// linkFile makes a hard link or, between mounts and where links are not allowed, a copy.
func linkFile(from int, name string, to int, newName string) error {
	err := unix.Linkat(from, name, to, newName, 0)
	if err == unix.EEXIST {
		if err = unix.Unlinkat(to, newName, 0); err == nil {
			err = unix.Linkat(from, name, to, newName, 0)
		}
	}
	if err == unix.EXDEV || err == unix.EPERM || err == unix.EMLINK || err == unix.EOPNOTSUPP {
		return copyFile(from, name, to, newName)
	}
	return err
}

func copyFile(from int, name string, to int, newName string) error {
	in, err := openRetry(from, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	source := os.NewFile(uintptr(in), name)
	defer func() { _ = source.Close() }()
	var st unix.Stat_t
	if err := unix.Fstat(in, &st); err != nil {
		return err
	}
	out, err := create(to, newName, st.Mode&0o777)
	if err != nil {
		return err
	}
	copied := os.NewFile(uintptr(out), newName)
	_, err = io.Copy(copied, source)
	if err == nil {
		err = unix.Fchmod(out, st.Mode&0o777)
	}
	if closeErr := copied.Close(); err == nil {
		err = closeErr
	}
	return err
}
