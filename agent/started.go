package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/converged-computing/oras-operator/agent/internal/options"
	"github.com/converged-computing/oras-operator/agent/internal/proc"
	"golang.org/x/sys/unix"
)

// started is a startup probe of a wrapped container: it succeeds when the program has been started, so that the container
// is Ready when its inputs are whole. The probe has no termination message: that is the program's.
func started(o options.Options) int {
	launcher, err := findLauncher(o.Share)
	if err == nil && !runsProgram(launcher) {
		err = fmt.Errorf("the inputs are not unpacked yet")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "oras: "+err.Error())
		return 1
	}
	return 0
}

// findLauncher finds the process that runs the program. It is not process 1 where containers share their processes, and
// there those of other containers are seen, too: they have another part of the share, or another root.
func findLauncher(share string) (int, error) {
	root, err := os.Stat("/")
	if err != nil {
		return 0, err
	}
	for _, pid := range proc.All(proc.Root) {
		line, err := os.ReadFile(filepath.Join(proc.Root, strconv.Itoa(pid), "cmdline"))
		if err != nil {
			continue
		}
		words := strings.Split(string(line), "\x00")
		if len(words) < 2 || words[1] != "exec" || !slices.Contains(words[:programAt(words)], "--share="+share) {
			continue
		}
		other, err := os.Stat(filepath.Join(proc.Root, strconv.Itoa(pid), "root"))
		if err == nil && os.SameFile(root, other) {
			return pid, nil
		}
	}
	return 0, fmt.Errorf("the program has not been started yet")
}

// programAt is where the options of a command line end.
func programAt(words []string) int {
	if at := slices.Index(words, "--"); at >= 0 {
		return at
	}
	return len(words)
}

// runsProgram says whether a launcher has started its program and not seen its end. It holds a descriptor of it as long.
// A child alone says less: process 1 also has those that hooks, or somebody who was in the container, have left behind.
func runsProgram(launcher int) bool {
	fd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		// There are no such descriptors (before Linux 5.3, gVisor).
		return len(proc.Children(proc.Root, launcher)) > 0
	}
	_ = unix.Close(fd)
	folder := filepath.Join(proc.Root, strconv.Itoa(launcher), "fd")
	entries, err := os.ReadDir(folder)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(entries, func(entry os.DirEntry) bool {
		target, _ := os.Readlink(filepath.Join(folder, entry.Name()))
		// The second one since Linux 6.9.
		return target == "anon_inode:[pidfd]" || strings.HasPrefix(target, "pidfd:")
	})
}
