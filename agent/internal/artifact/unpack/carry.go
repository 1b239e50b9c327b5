package unpack

import (
	"os"

	"golang.org/x/sys/unix"
)

// cannotRename knows what file systems say that do not rename, or not everything: object stores (gcsfuse by default no
// directories, mountpoint-s3 nothing), and quotas that end at a directory (CephFS).
func cannotRename(err error) bool {
	switch err {
	case unix.EXDEV, unix.ENOSYS, unix.EOPNOTSUPP, unix.EMFILE:
		return true
	}
	return false
}

// carry does what rename cannot: a directory is made again and its contents moved one by one, a file is copied. Only then
// may a file stand under its name before it is whole; it is told.
func (t *Target) carry(from, to int, name, path string) error {
	var st unix.Stat_t
	if err := unix.Fstatat(from, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return t.failure(err, "%s cannot be put in place: %s", t.shown(path), reason(err))
	}
	t.tellOnce("carry", "the file system of %s cannot rename what was unpacked; files appear there one by one", t.shown(path))
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		err := unix.Mkdirat(to, name, st.Mode&0o777)
		if err == nil {
			setDirectoryMode(to, name, st.Mode&0o777)
		} else if err != unix.EEXIST {
			return t.failure(err, "the directory %s cannot be made by user %d: %s", t.shown(path), os.Getuid(), reason(err))
		}
		return t.merge(from, to, name, path)
	case unix.S_IFLNK:
		return t.writeLink(to, path, &item{name: name, link: readLink(from, name)})
	}
	if err := copyFile(from, name, to, name); err != nil {
		return t.failure(err, "%s cannot be put in place by user %d: %s", t.shown(path), os.Getuid(), reason(err))
	}
	t.setTime(to, name)
	return nil
}

// setDirectoryMode undoes the umask. What stands under that name now is opened first: others may write there.
func setDirectoryMode(parent int, name string, mode uint32) {
	fd, err := unix.Openat(parent, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	_ = unix.Fchmod(fd, mode)
	_ = unix.Close(fd)
}
