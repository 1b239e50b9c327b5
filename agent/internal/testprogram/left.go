package testprogram

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/proc"
	"golang.org/x/sys/unix"
)

// Main runs the tests of a package that starts programs, and returns their exit code. What these programs leave behind
// become children of this process, as they become children of process 1 in a container; tests that leave any have failed.
func Main(m *testing.M) int {
	// qemu-user cannot do it: there nobody looks.
	if unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != nil {
		return m.Run()
	}
	code := m.Run()
	if left := left(time.Now().Add(patience)); len(left) > 0 {
		fmt.Fprintf(os.Stderr, "left running:\n%s\n", strings.Join(left, "\n"))
		code = max(code, 1)
	}
	return code
}

// patience is how long a program may take to end whose tests are over.
const patience = 5 * time.Second

// left ends what is there of programs at the deadline, and tells what that was.
func left(deadline time.Time) []string {
	var told []string
	for {
		pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		switch {
		case err == syscall.ECHILD:
			return told
		case pid == 0 && time.Now().After(deadline):
			for _, child := range children() {
				line, _ := os.ReadFile(filepath.Join(proc.Root, strconv.Itoa(child), "cmdline"))
				told = append(told, fmt.Sprintf("%d %q", child, bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
				end(child)
			}
		case pid == 0:
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// EndAll ends every program that was left behind and that has a variable, NAME=value, in its environment: as the end of
// a container's process 1 does.
func EndAll(variable string) {
	for {
		found := slices.DeleteFunc(children(), func(pid int) bool { return !has(pid, variable) })
		if len(found) == 0 {
			return
		}
		// Their children become ours.
		for _, pid := range found {
			end(pid)
		}
	}
}

func children() []int { return proc.Children(proc.Root, os.Getpid()) }

func has(pid int, variable string) bool {
	environment, _ := os.ReadFile(filepath.Join(proc.Root, strconv.Itoa(pid), "environ"))
	return slices.Contains(strings.Split(string(environment), "\x00"), variable)
}

// end kills a child and waits for its end.
func end(pid int) {
	_ = syscall.Kill(pid, syscall.SIGKILL)
	for {
		if _, err := syscall.Wait4(pid, nil, 0, nil); err != syscall.EINTR {
			return
		}
	}
}
