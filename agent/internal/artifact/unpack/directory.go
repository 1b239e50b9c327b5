package unpack

import (
	"os"

	"golang.org/x/sys/unix"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/names"
)

// place is a directory by an open anchor and a path below it in which nothing is a link; "." is the anchor.
type place struct {
	anchor int
	path   string
}

func (p place) child(name string) place {
	if p.path == "." {
		return place{p.anchor, name}
	}
	return place{p.anchor, p.path + "/" + name}
}

// directory is one below the target that inputs name. There is one for each path; two may be the same on disk.
type directory struct {
	path     string // below the target
	number   int    // in order of appearance; decides which worker fills it
	existing bool

	// at is where it is until Commit. Of an existing one that is for good.
	at place
	// staged is where an existing one collects what is new in it, once there is something.
	staged *place
	// owner is the existing directory that a new one is, or will be, below; inner its path there.
	owner *directory
	inner string

	mode uint32 // of a new one: what it gets at the end
	have uint32 // of a new one: what it was made with
}

// fresh is where new entries of d are made.
func (t *Target) fresh(d *directory) (place, error) {
	if !d.existing {
		return d.at, nil
	}
	if d.staged == nil {
		if err := t.prepare(d); err != nil {
			return place{}, err
		}
	}
	return *d.staged, nil
}

// final is where a directory is after Commit.
func (d *directory) final() place {
	if d.existing {
		return d.at
	}
	return d.owner.at.child(d.inner)
}

// resolve returns the directory at a cleaned path. With create it is made, with its parents, if it is not there;
// otherwise nil stands for one that is not.
func (t *Target) resolve(path string, create bool) (*directory, error) {
	if d := t.table[path]; d != nil {
		return d, nil
	}
	above, name := names.Split(path)
	parent, err := t.resolve(above, create)
	if err != nil || parent == nil {
		return nil, err
	}
	var d *directory
	if parent.existing {
		if d, err = t.find(parent, name); err != nil {
			return nil, err
		}
	}
	if d == nil && create {
		d, err = t.makeDirectory(parent, name)
	}
	if err != nil || d == nil {
		return nil, err
	}
	d.path, d.number = path, len(t.table)
	t.table[path] = d
	return d, nil
}

// find looks for a directory in an existing one; nil if there is nothing of that name.
func (t *Target) find(parent *directory, name string) (*directory, error) {
	path := names.Join(parent.path, name)
	fd, err := t.opener.open(parent.at.anchor, parent.at.path, unix.O_PATH)
	if err != nil {
		return nil, t.failure(err, "%s cannot be opened by user %d: %s", t.shown(parent.path), os.Getuid(), reason(err))
	}
	defer func() { _ = unix.Close(fd) }()
	var st unix.Stat_t
	err = unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	if err == unix.EACCES {
		if t.unlock(parent, fd) {
			err = unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW)
		}
	}
	switch {
	case err == unix.ENOENT:
		return nil, nil
	case err != nil:
		return nil, t.failure(err, "%s cannot be looked at by user %d: %s", t.shown(path), os.Getuid(), reason(err))
	case st.Mode&unix.S_IFMT == unix.S_IFDIR:
		return &directory{existing: true, at: parent.at.child(name)}, nil
	case st.Mode&unix.S_IFMT == unix.S_IFLNK:
		return t.followable(fd, name, path)
	}
	return nil, t.failure(nil, "the input has a directory %s where %s is; remove it, or unpack elsewhere", t.shown(path), kindOf(st.Mode))
}

// followable opens a directory behind a link that was there before. Whoever made the image or the volume wanted files
// of that name to arrive behind it (/bin of a usr-merged image, /work/data -> /pvc). It is followed within its own
// mount and to another volume; a link on a volume, which others may have written, does not lead into the image.
func (t *Target) followable(parent int, name, path string) (*directory, error) {
	target := readLink(parent, name)
	fd, err := t.opener.follow(parent, name)
	if err != nil {
		return nil, t.failure(err, "the input has a directory %s where a link to %s is, which is no directory that can be opened (%s); remove it, or unpack elsewhere",
			t.shown(path), target, reason(err))
	}
	t.anchors = append(t.anchors, fd)
	from, err := statusOf(parent)
	if err != nil {
		return nil, t.failure(err, "%s cannot be looked at: %s", t.shown(path), reason(err))
	}
	to, err := statusOf(fd)
	if err != nil {
		return nil, t.failure(err, "%s cannot be looked at: %s", t.shown(path), reason(err))
	}
	if to.mount != from.mount && to.mount == t.rootfs {
		return nil, t.failure(nil, "the input has a directory %s where a link to %s is, which leads from a volume into the container's own file system; remove it, or unpack elsewhere",
			t.shown(path), target)
	}
	return &directory{existing: true, at: place{anchor: fd, path: "."}}, nil
}

// makeDirectory makes a new one in the place where its parent collects them. Its mode is that of a directory that no
// entry describes, until one does.
func (t *Target) makeDirectory(parent *directory, name string) (*directory, error) {
	path := names.Join(parent.path, name)
	in, err := t.fresh(parent)
	if err != nil {
		return nil, err
	}
	fd, err := t.opener.open(in.anchor, in.path, unix.O_PATH)
	if err != nil {
		return nil, t.failure(err, "%s cannot be opened: %s", t.shown(parent.path), reason(err))
	}
	defer func() { _ = unix.Close(fd) }()
	d := &directory{at: in.child(name), mode: t.implied, have: t.implied | 0o700}
	d.owner, d.inner = parent, name
	if !parent.existing {
		d.owner, d.inner = parent.owner, parent.inner+"/"+name
	}
	err = unix.Mkdirat(fd, name, d.have)
	if err == nil && d.have&^t.umask != d.have {
		err = unix.Fchmodat(fd, name, d.have, 0) // made this moment, in a directory of ours
	}
	if err == unix.EEXIST {
		var st unix.Stat_t
		_ = unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW)
		return nil, t.failure(err, "the inputs have %s as a directory and as %s; which is meant cannot be known", t.shown(path), kindOf(st.Mode))
	}
	if err != nil {
		return nil, t.failure(err, "the directory %s cannot be made by user %d: %s", t.shown(path), os.Getuid(), reason(err))
	}
	t.made = append(t.made, d)
	return d, nil
}

func kindOf(mode uint32) string {
	switch mode & unix.S_IFMT {
	case unix.S_IFREG:
		return "a file"
	case unix.S_IFDIR:
		return "a directory"
	case unix.S_IFLNK:
		return "a link"
	case unix.S_IFIFO:
		return "a named pipe"
	case unix.S_IFSOCK:
		return "a socket"
	}
	return "a device"
}

// readLink returns where a link leads, for messages and for links that are made again.
func readLink(fd int, name string) string {
	for size := 256; size <= 1<<16; size *= 4 {
		buffer := make([]byte, size)
		n, err := unix.Readlinkat(fd, name, buffer)
		if err != nil {
			return ""
		}
		if n < size {
			return string(buffer[:n])
		}
	}
	return ""
}
