// Package program runs the command of a wrapped container as its only child, so that the command notices as little as
// possible: argument vector, environment, standard input, terminal, umask and limits are what the container gave, signals
// arrive once, and the exit code is kept.
//
// What differs from a container that is not wrapped: the command is not process 1, signals that it would have found
// ignored have their default again (but for SIGHUP and SIGINT; runc, itself a Go program, passes no others on), and
// SIGURG, SIGPIPE and the signals that Go cannot forward (27 and 34) do not arrive.
package program

import (
	"errors"
	"os"
	"sync"
	"syscall"

	"github.com/converged-computing/oras-operator/agent/internal/failure"
	"golang.org/x/sys/unix"
)

// Exit codes that a shell has for a command that it cannot run (POSIX, "Exit Status for Commands").
const (
	CodeNotExecutable = 126
	CodeNotFound      = 127
	codeSignalled     = 128
)

// Program is the command of a wrapped container.
type Program struct {
	// Argv is the argument vector, never empty.
	Argv []string
	// Env is the environment as the kernel has it: NAME=value in any order, duplicates included.
	Env []string
	// Stdout replaces standard output when it is not nil, Stderr standard error.
	Stdout, Stderr *os.File
}

// Running is a program that was started. It has one owner, who calls Wait once.
type Running struct {
	pid int
	// pidfd names the process even after its number has been given to another; -1 where the kernel has none.
	pidfd int

	mutex sync.Mutex
	ended bool
}

// Start runs the program. Its errors are Failures with the exit code that a shell would have.
func Start(p Program) (*Running, error) {
	path, err := find(p.Argv[0], p.Env)
	if err != nil {
		return nil, err
	}
	stdout := os.Stdout
	if p.Stdout != nil {
		stdout = p.Stdout
	}
	stderr := uintptr(2)
	if p.Stderr != nil {
		stderr = p.Stderr.Fd()
	}
	running := &Running{pidfd: -1}
	attributes := &syscall.ProcAttr{
		Env: p.Env,
		// Fd puts a file into blocking mode: programs do not expect another.
		Files: []uintptr{0, stdout.Fd(), stderr},
		Sys:   apart(&running.pidfd),
	}
	running.pid, err = syscall.ForkExec(path, p.Argv, attributes)
	if errors.Is(err, syscall.ENOEXEC) {
		// A script without a first line that names its interpreter: execvp(3) gives it to the shell.
		argv := append([]string{"/bin/sh", path}, p.Argv[1:]...)
		running.pid, err = syscall.ForkExec(argv[0], argv, attributes)
	}
	if err != nil {
		return nil, notStarted(p.Argv[0], path, err)
	}
	return running, nil
}

// apart puts the program in a group of its own, so that `kill 0` in a script reaches the script and not the agent, which
// would send it again. Without a terminal it leads a session, as process 1 of a container does. With one it stays in the
// session that has the terminal and becomes the group that keys such as Ctrl-C go to.
func apart(pidfd *int) *syscall.SysProcAttr {
	attributes := &syscall.SysProcAttr{PidFD: pidfd}
	foreground, err := unix.IoctlGetInt(0, unix.TIOCGPGRP)
	if err != nil {
		attributes.Setsid = true
		return attributes
	}
	attributes.Setpgid = true
	if foreground == unix.Getpgrp() {
		attributes.Foreground = true
		attributes.Ctty = 0
	}
	return attributes
}

func notStarted(name, path string, err error) *failure.Failure {
	code := CodeNotExecutable
	if errors.Is(err, syscall.ENOENT) {
		// The file is there, so what is missing is the interpreter or loader that it names.
		return failure.Wrap(err, CodeNotFound, "the program %s cannot be run: the interpreter or loader that %s names is not in the container", name, path)
	}
	return failure.Wrap(err, code, "the program %s cannot be run: %s: %s", name, path, err)
}

// Signal sends a signal to the program; not to others of its group, as the container runtime does. It does nothing once
// the program has ended.
func (r *Running) Signal(signal syscall.Signal) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.ended {
		return
	}
	if r.pidfd >= 0 && unix.PidfdSendSignal(r.pidfd, signal, nil, 0) == nil {
		return
	}
	// The process is not reaped before r.ended, so its number is still its own.
	_ = syscall.Kill(r.pid, signal)
}

// Wait waits for the end of the program and returns its exit code, 128+n after signal n. Until then it reaps every child
// of this process: in a container, orphans become children of process 1.
func (r *Running) Wait() (int, error) {
	for {
		pid, err := anyEnded()
		if err != nil {
			return 0, err
		}
		if code, ended, err := r.reap(pid); ended || err != nil {
			return code, err
		}
	}
}

// anyEnded waits for any child to end and leaves it there to be reaped.
func anyEnded() (int, error) {
	for {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return childOf(&info), err
		}
	}
}

func (r *Running) reap(pid int) (code int, ended bool, err error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	var status syscall.WaitStatus
	for {
		_, err = syscall.Wait4(pid, &status, 0, nil)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil || pid != r.pid {
		return 0, false, err
	}
	r.ended = true
	if r.pidfd >= 0 {
		_ = syscall.Close(r.pidfd)
	}
	if status.Signaled() {
		return codeSignalled + int(status.Signal()), true, nil
	}
	return status.ExitStatus(), true, nil
}
