package unpack

import (
	"errors"
	"fmt"
	"strings"
)

const longestName = 255 // bytes, NAME_MAX

// clean returns the path of an entry below the target, without empty steps and dots; "" is the target itself. A path
// that is absolute, climbs, or cannot be a path is an error with the reason in words.
func clean(name string, longest int) (string, error) {
	switch {
	case strings.HasPrefix(name, "/"):
		return "", errors.New("its name is absolute")
	case strings.IndexByte(name, 0) >= 0:
		return "", errors.New("its name has a zero byte")
	case len(name) > longest+longestName: // what is cut below is dots and slashes
		return "", fmt.Errorf("its name has %d bytes, more than %d", len(name), longest)
	}
	var b strings.Builder
	b.Grow(len(name))
	for step := range strings.SplitSeq(name, "/") {
		switch {
		case step == "" || step == ".":
			continue
		case step == "..":
			return "", errors.New("its name leads out of the target")
		case len(step) > longestName:
			return "", fmt.Errorf("a part of its name has %d bytes, more than %d", len(step), longestName)
		}
		if b.Len() > 0 {
			b.WriteByte('/')
		}
		b.WriteString(step)
	}
	if b.Len() > longest {
		return "", fmt.Errorf("its name has %d bytes, more than %d", b.Len(), longest)
	}
	return b.String(), nil
}

// split returns the directory and the last step of a cleaned path.
func split(path string) (string, string) {
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		return path[:i], path[i+1:]
	}
	return "", path
}

// depth is the number of steps of a cleaned path.
func depth(path string) int {
	if path == "" || path == "." {
		return 0
	}
	return strings.Count(path, "/") + 1
}

// stays tells whether a link in a directory of that depth leads to something inside, by its words alone: it may climb
// only at its front and no higher than the top. A step up behind a name would be wrong once the name is a link itself.
func stays(depth int, target string) bool {
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
