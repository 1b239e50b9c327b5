// Package names decides on paths and links inside a tree, by their words alone.
package names

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// Longest is the most bytes of one step of a path (NAME_MAX).
const Longest = 255

// StagePrefix begins the names of the directories in which inputs are unpacked until they are whole. What a killed
// attempt left is no part of an output.
const StagePrefix = ".oras-partial-"

// Clean returns the path of an entry below the top of a tree, without empty steps and dots; "" is the top itself. A path
// that is absolute, climbs, or cannot be a path is an error with the reason in words. Longest is in bytes.
func Clean(name string, longest int) (string, error) {
	switch {
	case strings.HasPrefix(name, "/"):
		return "", errors.New("its name is absolute")
	case strings.IndexByte(name, 0) >= 0:
		return "", errors.New("its name has a zero byte")
	}
	var b strings.Builder
	for step := range strings.SplitSeq(name, "/") {
		switch {
		case step == "" || step == ".":
			continue
		case step == "..":
			return "", errors.New("its name leads out of the target")
		case len(step) > Longest:
			return "", fmt.Errorf("a part of its name has %d bytes, more than %d", len(step), Longest)
		case b.Len()+1+len(step) > longest:
			return "", fmt.Errorf("its name has more than %d bytes", longest)
		}
		if b.Len() > 0 {
			b.WriteByte('/')
		}
		b.WriteString(step)
	}
	return b.String(), nil
}

// Split returns the directory and the last step of a cleaned path.
func Split(path string) (string, string) {
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		return path[:i], path[i+1:]
	}
	return "", path
}

// Join puts a step behind a cleaned path.
func Join(directory, name string) string {
	if directory == "" {
		return name
	}
	return directory + "/" + name
}

// Depth is the number of steps of a cleaned path.
func Depth(path string) int {
	if path == "" || path == "." {
		return 0
	}
	return strings.Count(path, "/") + 1
}

// Stays tells whether a symbolic link in a directory of that depth leads to something inside: it may climb only at its
// front and no higher than the top. A step up behind a name would be wrong once the name is a link itself.
func Stays(depth int, target string) bool {
	if target == "" || target[0] == '/' || strings.IndexByte(target, 0) >= 0 {
		return false
	}
	named := false
	for step := range strings.SplitSeq(target, "/") {
		switch step {
		case "", ".":
		case "..":
			depth--
			if named || depth < 0 {
				return false
			}
		default:
			named = true
		}
	}
	return true
}

// Printable is a name for messages: cut if it is long, and without what a terminal would obey.
func Printable(name string) string {
	const most = 200
	if len(name) > most {
		name = name[:most] + "..."
	}
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '?'
		}
		return r
	}, name)
}

// Absolute is a path from the root on: who reads "." does not know which directory that is.
func Absolute(path string) string {
	if whole, err := filepath.Abs(path); err == nil {
		return whole
	}
	return path
}
