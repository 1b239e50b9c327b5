package program

import (
	"bytes"
	"os"
	"slices"
	"strings"
)

// Environ is the environment that this process was started with, without the variables of the given names. os.Environ
// is no substitute: of duplicates it keeps one, and it drops what has no equals sign.
func Environ(without ...string) []string {
	return dropNamed(ownEnviron(), without)
}

func ownEnviron() []string {
	raw, err := os.ReadFile("/proc/self/environ")
	if err != nil {
		// A container without /proc.
		return os.Environ()
	}
	return entriesOf(raw)
}

// entriesOf splits what the kernel shows of an environment (proc_pid_environ(5)): each entry ends with a NUL.
func entriesOf(raw []byte) []string {
	if len(raw) == 0 {
		return nil
	}
	parts := bytes.Split(bytes.TrimSuffix(raw, []byte{0}), []byte{0})
	entries := make([]string, len(parts))
	for i, part := range parts {
		entries[i] = string(part)
	}
	return entries
}

func dropNamed(entries, names []string) []string {
	return slices.DeleteFunc(entries, func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains(names, name)
	})
}
