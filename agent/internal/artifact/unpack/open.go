package unpack

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// opener opens directories below an anchor without following links.
type opener struct{ openat2 bool }

// newOpener finds out whether the kernel, and the container's seccomp profile, have openat2 (Linux 5.6).
func newOpener(fd int) opener {
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_BENEATH}
	probe, err := unix.Openat2(fd, ".", &how)
	if err != nil {
		return opener{}
	}
	_ = unix.Close(probe)
	return opener{openat2: true}
}

// longestPath is what one call takes; PATH_MAX is 4096 with its end.
const longestPath = 4000

// open returns a descriptor of the directory at path below anchor. Flags are added to O_DIRECTORY and O_CLOEXEC.
func (o opener) open(anchor int, path string, flags int) (int, error) {
	flags |= unix.O_DIRECTORY | unix.O_CLOEXEC
	if path == "." {
		return unix.Openat(anchor, ".", flags, 0)
	}
	if !o.openat2 || len(path) > longestPath {
		return openSteps(anchor, path, flags|unix.O_NOFOLLOW)
	}
	how := unix.OpenHow{
		Flags:   uint64(flags),
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS,
	}
	for {
		fd, err := unix.Openat2(anchor, path, &how)
		if err != unix.EAGAIN && err != unix.EINTR {
			return fd, err
		}
	}
}

func openSteps(anchor int, path string, flags int) (int, error) {
	at := anchor
	for {
		step, rest, more := strings.Cut(path, "/")
		stepFlags := flags
		if more {
			stepFlags = unix.O_PATH | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
		}
		fd, err := unix.Openat(at, step, stepFlags, 0)
		if at != anchor {
			_ = unix.Close(at)
		}
		if err != nil || !more {
			return fd, err
		}
		at, path = fd, rest
	}
}

// follow opens the directory that the link name in fd leads to.
func (o opener) follow(fd int, name string) (int, error) {
	flags := unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC
	if !o.openat2 {
		return unix.Openat(fd, name, flags, 0)
	}
	return unix.Openat2(fd, name, &unix.OpenHow{Flags: uint64(flags), Resolve: unix.RESOLVE_NO_MAGICLINKS})
}

// mountID tells mounts apart: the kernel's number where it gives one (Linux 5.8), else the device.
type mountID struct {
	number uint64
	device uint64
}

// status is what is asked about directories.
type status struct {
	mount mountID
	mode  uint32
	uid   uint32
	gid   uint32
}

func statusOf(fd int) (status, error) {
	var x unix.Statx_t
	err := unix.Statx(fd, "", unix.AT_EMPTY_PATH|unix.AT_SYMLINK_NOFOLLOW, unix.STATX_BASIC_STATS|unix.STATX_MNT_ID, &x)
	if err == nil {
		s := status{mode: uint32(x.Mode), uid: x.Uid, gid: x.Gid}
		s.mount.device = unix.Mkdev(x.Dev_major, x.Dev_minor)
		if x.Mask&unix.STATX_MNT_ID != 0 {
			s.mount.number = x.Mnt_id
		}
		return s, nil
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return status{}, err
	}
	return status{mode: st.Mode, uid: st.Uid, gid: st.Gid, mount: mountID{device: st.Dev}}, nil
}

func mountOfPath(path string) (mountID, error) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return mountID{}, err
	}
	defer func() { _ = unix.Close(fd) }()
	s, err := statusOf(fd)
	return s.mount, err
}

// changeMode changes the mode of what an O_PATH descriptor stands for.
func changeMode(fd int, mode uint32) error {
	err := unix.Fchmodat(fd, "", mode, unix.AT_EMPTY_PATH) // fchmodat2, Linux 6.6
	if err == nil {
		return nil
	}
	return unix.Chmod("/proc/self/fd/"+strconv.Itoa(fd), mode)
}

// unknownUmask makes every mode be set explicitly.
const unknownUmask = 0o777

// currentUmask reads the umask without changing it, which would be felt by the whole process.
func currentUmask() uint32 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return unknownUmask
	}
	for line := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(line, "Umask:"); found {
			if mask, err := strconv.ParseUint(strings.TrimSpace(value), 8, 32); err == nil {
				return uint32(mask)
			}
		}
	}
	return unknownUmask
}

// reason is the system's own words for an error.
func reason(err error) string {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno.Error()
	}
	return err.Error()
}
