package pack

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/names"
	"github.com/converged-computing/oras-operator/agent/internal/nearest"
)

const (
	// mostLooked bounds how many names of a directory are looked at, mostShown how many are told.
	mostLooked = 1000
	mostShown  = 5
)

// missing says why the output cannot be looked at; where nothing is, what is there instead.
func (o *Output) missing(err error) error {
	path := o.options.Path
	if !errors.Is(err, fs.ErrNotExist) {
		return o.failure(err, "the output %s cannot be looked at by user %d: %s", path, os.Getuid(), reason(err))
	}
	if target, linkErr := os.Readlink(path); linkErr == nil {
		return o.failure(err, "the output %s is a link to %s, where there is nothing", path, names.Printable(target))
	}
	return o.failure(err, "there is nothing at %s; the program should have made it%s", path, instead(path))
}

// instead says what is in the first directory above a path that is there.
func instead(path string) string {
	above, wanted := filepath.Dir(path), filepath.Base(path)
	folder, err := os.Open(above)
	for errors.Is(err, fs.ErrNotExist) && above != "." && above != "/" {
		above, wanted = filepath.Dir(above), filepath.Base(above)
		folder, err = os.Open(above)
	}
	if err != nil {
		return ""
	}
	defer folder.Close()
	// An error after some names is none here.
	found, _ := folder.Readdirnames(mostLooked)
	place := names.Absolute(above)
	if len(found) == 0 {
		return "; " + names.Printable(place) + " is empty"
	}
	distances := map[string]int{}
	for _, name := range found {
		distances[name] = nearest.Distance(wanted, name)
	}
	slices.SortFunc(found, func(a, b string) int {
		if distances[a] != distances[b] {
			return distances[a] - distances[b]
		}
		return strings.Compare(a, b)
	})
	shown := make([]string, 0, mostShown)
	for _, name := range found[:min(len(found), mostShown)] {
		shown = append(shown, names.Printable(name))
	}
	text := fmt.Sprintf("; in %s there is %s", names.Printable(place), strings.Join(shown, ", "))
	if more := len(found) - len(shown); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	if nearest.IsNear(wanted, distances[found[0]]) {
		text += fmt.Sprintf("; is %s meant?", names.Printable(found[0]))
	}
	return text
}
