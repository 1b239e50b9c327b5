package program

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// childInfo is the beginning of siginfo_t where it tells of a child (sigaction(2), SIGCHLD), on 64-bit Linux.
type childInfo struct {
	signo, errno, code int32
	_                  int32
	pid                int32
}

func childOf(info *unix.Siginfo) int {
	return int((*childInfo)(unsafe.Pointer(info)).pid)
}
