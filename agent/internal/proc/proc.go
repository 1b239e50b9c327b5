// Package proc reads which processes there are (proc(5)).
package proc

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// Root is where Linux shows its processes.
const Root = "/proc"

// All are the processes that a proc file system shows.
func All(root string) []int {
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil
	}
	var found []int
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil {
			found = append(found, pid)
		}
	}
	return found
}

// Children are the processes whose parent is pid.
func Children(root string, pid int) []int {
	return slices.DeleteFunc(All(root), func(other int) bool { return parentOf(root, other) != pid })
}

// parentOf reads the parent of a process: the second field behind the name, which stands in parentheses and may hold any
// character (proc_pid_stat(5)). It returns 0 for a process that is gone.
func parentOf(root string, pid int) int {
	stat, err := os.ReadFile(filepath.Join(root, strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 2 {
		return 0
	}
	parent, _ := strconv.Atoi(string(fields[1]))
	return parent
}
