package main

import (
	"errors"

	"github.com/converged-computing/oras-operator/agent/internal/testprogram"
	"golang.org/x/sys/unix"
)

// containerVariable names the container that a process of a test belongs to.
const containerVariable = "TEST_CONTAINER"

// Wait waits for the end of a container: that of its first process, with which the kernel ends all others.
func (c *container) Wait() error {
	if c.ProcessState == nil {
		for errors.Is(unix.Waitid(unix.P_PID, c.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil), unix.EINTR) {
		}
		testprogram.EndAll(containerVariable + "=" + c.message)
	}
	return c.Cmd.Wait()
}

// kill ends a container as the kernel does that has no memory left for it.
func (c *container) kill() {
	c.t.Helper()
	must(c.t, c.Process.Kill())
	_ = c.Wait()
}
