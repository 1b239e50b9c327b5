package pack

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/names"
)

// Kinds of problems.
const (
	unreadable = iota
	leaving    // a link
	changed    // while it was read
	grown      // no failure
)

// problem is something about a path of the output.
type problem struct {
	kind  int
	path  string // below the top
	words string
}

// problemOf puts an error of the system in words.
func problemOf(path string, err error) *problem {
	switch {
	case errors.Is(err, unix.ENOENT):
		return &problem{changed, path, "vanished"}
	case errors.Is(err, unix.ELOOP), errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ENXIO):
		return &problem{changed, path, "became something else"}
	}
	return &problem{unreadable, path, err.Error()}
}

// mostNamed bounds how many paths a message names; others are counted.
const mostNamed = 10

// list collects paths for a message.
type list struct {
	named []string
	more  int
}

func (l *list) add(s string) {
	if len(l.named) < mostNamed {
		l.named = append(l.named, s)
	} else {
		l.more++
	}
}

func (l *list) String() string {
	s := strings.Join(l.named, ", ")
	if l.more > 0 {
		s += fmt.Sprintf(" and %d more", l.more)
	}
	return s
}

// report is what the whole walk found.
type report struct{ lists [4]list }

func (r *report) add(o *Output, p problem) {
	text := o.shown(p.path)
	switch p.kind {
	case leaving:
		text += " -> " + names.Printable(p.words)
	case grown:
	default:
		text += " (" + p.words + ")"
	}
	r.lists[p.kind].add(text)
}

func (r *report) failed() bool {
	return len(r.lists[unreadable].named)+len(r.lists[leaving].named)+len(r.lists[changed].named) > 0
}

// failure says everything that is wrong in one sentence for each kind.
func (r *report) failure(o *Output) error {
	var parts []string
	if l := &r.lists[unreadable]; len(l.named) > 0 {
		parts = append(parts, fmt.Sprintf("user %d cannot read %s", os.Getuid(), l))
	}
	if l := &r.lists[leaving]; len(l.named) > 0 {
		parts = append(parts, fmt.Sprintf("links leave it: %s (make them relative to a file inside, or copy the file)", l))
	}
	if l := &r.lists[changed]; len(l.named) > 0 {
		parts = append(parts, fmt.Sprintf("something still writes to it: %s", l))
	}
	return o.failure(nil, "the output %s cannot be packed: %s", o.options.Path, strings.Join(parts, "; "))
}

// shown is a path as the author knows it.
func (o *Output) shown(path string) string {
	return names.Printable(strings.TrimRight(o.options.Path, "/") + "/" + path)
}

func (o *Output) tell(format string, args ...any) {
	if o.options.Tell != nil {
		o.options.Tell(fmt.Sprintf(format, args...))
	}
}
