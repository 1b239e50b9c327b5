package access

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/converged-computing/oras-operator/agent/internal/share"
)

// File is the htpasswd file of a registry, which the registry reads again when its time changes.
type File struct {
	Key Key
	// Path is where it is.
	Path string
	// Others is the folder of a Secret with the lines of other users, if there is one.
	Others string
}

// Write writes the lines of the operator's users and of others, unless they are there. Nobody finds half a file. It
// returns what is wrong with the lines of others.
func (f File) Write(users []string) (Problems, error) {
	others, problems, err := f.readOthers()
	if err != nil {
		return problems, err
	}
	before, err := f.lines()
	if err != nil {
		return problems, err
	}
	var lines []line
	for _, user := range users {
		found, err := f.own(user, before)
		if err != nil {
			return problems, err
		}
		lines = append(lines, found)
	}
	lines = append(lines, others...)
	if before != nil && slices.Equal(lines, before) {
		return problems, nil
	}
	return problems, f.write(lines)
}

// own is the line of a user of the operator's: the one that is there, if it has the right password. A new hash has another
// salt each time.
func (f File) own(user string, before []line) (line, error) {
	password := []byte(f.Key.Password(user))
	for _, l := range before {
		if l.user == user && bcrypt.CompareHashAndPassword([]byte(l.hash), password) == nil {
			return l, nil
		}
	}
	hash, err := bcrypt.GenerateFromPassword(password, cost)
	return line{user, string(hash)}, err
}

func (f File) readOthers() ([]line, Problems, error) {
	if f.Others == "" {
		return nil, Problems{}, nil
	}
	text, err := os.ReadFile(filepath.Join(f.Others, "htpasswd"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, Problems{First: []Problem{{Problem: "it is not there, or has no key htpasswd", LeftOut: true}}}, nil
	}
	if err != nil {
		return nil, Problems{}, err
	}
	lines, problems := check(string(text))
	return lines, problems, nil
}

// lines are those of the file; nil where there is none.
func (f File) lines() ([]line, error) {
	text, err := os.ReadFile(f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	lines := []line{}
	for raw := range strings.Lines(string(text)) {
		if user, hash, has := strings.Cut(strings.TrimSpace(raw), ":"); has {
			lines = append(lines, line{user, hash})
		}
	}
	return lines, err
}

func (f File) write(lines []line) error {
	before, _ := os.Stat(f.Path)
	var text strings.Builder
	for _, l := range lines {
		text.WriteString(l.user + ":" + l.hash + "\n")
	}
	if err := share.WriteWhole(f.Path, []byte(text.String()), 0o600); err != nil {
		return err
	}
	after, err := os.Stat(f.Path)
	if err != nil || before == nil || !after.ModTime().Equal(before.ModTime()) {
		return err
	}
	// Two changes at one tick of the clock; the registry may have read the first.
	later := after.ModTime().Add(time.Millisecond)
	return os.Chtimes(f.Path, later, later)
}

// Users are the operator's users of the file; nil where there is no file.
func (f File) Users() ([]string, error) {
	lines, err := f.lines()
	var users []string
	for _, l := range lines {
		if IsOperators(l.user) {
			users = append(users, l.user)
		}
	}
	return users, err
}

// Allows says whether a user of the file has this password.
func (f File) Allows(user, password string) bool {
	lines, err := f.lines()
	if err != nil {
		return false
	}
	at := slices.IndexFunc(lines, func(l line) bool { return l.user == user })
	switch {
	case at < 0:
		return false
	case IsOperators(user):
		return equal(password, f.Key.Password(user))
	}
	return bcrypt.CompareHashAndPassword([]byte(lines[at].hash), []byte(password)) == nil
}
