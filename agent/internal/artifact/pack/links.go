package pack

import (
	"path/filepath"
	"strings"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/names"
)

// linkTarget returns where a link in a directory of the tree shall lead, and whether that is inside. A link that is
// absolute, or climbs out and comes back, is made relative; what cannot be followed is judged by its words.
func (o *Output) linkTarget(directory, target string) (string, bool) {
	if names.Stays(names.Depth(directory), target) {
		return target, true
	}
	if target == "" {
		return "", false
	}
	path := target
	if path[0] != '/' {
		path = o.real + "/" + directory + "/" + target
	}
	place, ok := parentResolved(path)
	if !ok || !within(place, o.real) {
		return "", false
	}
	inner, err := filepath.Rel(o.real, place)
	if err != nil {
		return "", false
	}
	relative, err := filepath.Rel("/"+directory, filepath.Join("/", inner))
	if err != nil || !names.Stays(names.Depth(directory), relative) {
		return "", false
	}
	return relative, true
}

// parentResolved follows all links of a path but the last step, which stays the name that it is.
func parentResolved(path string) (string, bool) {
	path = strings.TrimRight(path, "/")
	at := strings.LastIndexByte(path, '/')
	if at < 0 {
		return "", false
	}
	parent, last := path[:at], path[at+1:]
	if last == "." || last == ".." {
		place, err := filepath.EvalSymlinks(path)
		return place, err == nil
	}
	if parent == "" {
		parent = "/"
	}
	place, err := filepath.EvalSymlinks(parent)
	if err == nil {
		return filepath.Join(place, last), true
	}
	if strings.Contains("/"+parent+"/", "/../") {
		return "", false
	}
	return filepath.Clean(path), true
}
