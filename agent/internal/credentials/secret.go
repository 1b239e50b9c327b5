package credentials

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/converged-computing/oras-operator/agent/internal/reference"
)

// maxFile is the size of a Secret at most, in bytes.
const maxFile = 1 << 20

// Secret is the content of the folder that a step's Secret is mounted in. A nil Secret has no logins.
type Secret struct {
	user, pull, push string
	hasUser          bool
	configs          []namedConfig
	// only is the registry that the Secret says it is for; passwordsFor the host that user and passwords are for otherwise.
	only         *reference.Registry
	passwordsFor string
	ca           []byte
}

// Format keeps passwords out of whatever is formatted.
func (s *Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "a Secret") }

type namedConfig struct {
	file   string
	config dockerConfig
}

// Read reads a Secret's folder: ORAS_USER, ORAS_PULL_PASS, ORAS_PUSH_PASS; .dockerconfigjson, .dockercfg, config.json;
// ca.crt; registry. Other files are not looked at. User and passwords are shown to one host alone, passwordsFor, unless
// the file registry names another. Errors are for the author and hold nothing of the content.
func Read(dir, passwordsFor string) (*Secret, error) {
	s := &Secret{passwordsFor: passwordsFor}
	if _, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("the Secret's folder %s cannot be read: %w", dir, unwrap(err))
	}
	var user, pull, push, only, config, legacy, plain []byte
	for _, file := range []struct {
		name string
		into *[]byte
	}{
		{"ORAS_USER", &user}, {"ORAS_PULL_PASS", &pull}, {"ORAS_PUSH_PASS", &push}, {"registry", &only}, {"ca.crt", &s.ca},
		{".dockerconfigjson", &config}, {".dockercfg", &legacy}, {"config.json", &plain},
	} {
		text, err := readFile(filepath.Join(dir, file.name))
		if err != nil {
			return nil, fmt.Errorf("the Secret's key %s cannot be read: %w", file.name, err)
		}
		*file.into = text
	}
	s.user, s.pull, s.push = line(user), line(pull), line(push)
	s.hasUser = pull != nil || push != nil
	if text := strings.TrimSpace(string(only)); text != "" {
		registry, err := reference.ParseRegistry(text)
		if err != nil {
			return nil, fmt.Errorf("the Secret's key registry: %w", err)
		}
		s.only = &registry
	}
	for _, file := range []struct {
		name  string
		text  []byte
		parse func([]byte) (dockerConfig, error)
	}{{".dockerconfigjson", config, parseConfig}, {".dockercfg", legacy, parseLegacyConfig}, {"config.json", plain, parseConfig}} {
		if file.text == nil {
			continue
		}
		parsed, err := file.parse(file.text)
		if err != nil {
			return nil, fmt.Errorf("the Secret's key %s: %w", file.name, err)
		}
		s.configs = append(s.configs, namedConfig{file.name, parsed})
	}
	return s, nil
}

// CA returns ca.crt (PEM), the certificates that the registry's is checked against besides the system's, or nil.
func (s *Secret) CA() []byte {
	if s == nil {
		return nil
	}
	return s.ca
}

// Logins returns the logins for the repository of a reference, the most specific first; none is no error. Helpers are run when the
// configuration names them and the image has them. Errors are for the author.
func (s *Secret) Logins(ctx context.Context, ref reference.Reference, use Use) ([]Login, error) {
	if s == nil || s.only != nil && !within(*s.only, ref) {
		return nil, nil
	}
	var found []Login
	var problems []error
	for _, named := range s.configs {
		logins, err := named.config.all(ctx, ref)
		if err != nil {
			problems = append(problems, fmt.Errorf("the Secret's key %s: %w", named.file, err))
		}
		found = append(found, logins...)
	}
	password, file := s.pull, "ORAS_PULL_PASS"
	if use == Push {
		password, file = s.push, "ORAS_PUSH_PASS"
	}
	if s.hasUser && password != "" && (s.only != nil || within(reference.Registry{Host: s.passwordsFor}, ref)) {
		found = append(found, Login{Username: s.user, Password: password, Source: "ORAS_USER and " + file})
	}
	if len(found) > 0 {
		return found, nil
	}
	return nil, errors.Join(problems...)
}

// all asks a helper of the registry's own first, then reads the entries, then asks the helper for all registries: a
// configuration that was made on a laptop names one that no image has.
func (c dockerConfig) all(ctx context.Context, ref reference.Reference) ([]Login, error) {
	entries, problem := c.logins(wantedBy(ref))
	name, own := c.helper(wantedBy(ref))
	login, found, err := askHelper(ctx, name, ref.Host)
	switch {
	case err != nil:
		problem = errors.Join(problem, err)
	case found && own:
		return append([]Login{login}, entries...), nil
	case found:
		return append(entries, login), nil
	}
	if len(entries) > 0 {
		return entries, nil
	}
	return nil, problem
}

// within says whether a repository is in a registry, prefix included.
func within(registry reference.Registry, ref reference.Reference) bool {
	same := place{host: apiHost(registry.Host)}.matches(wantedBy(ref))
	return same && (registry.Prefix == "" || strings.HasPrefix(ref.Repository+"/", registry.Prefix+"/"))
}

// readFile returns nil for a file that is not there.
func readFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, unwrap(err)
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, unwrap(err)
	}
	if len(text) > maxFile {
		return nil, errors.New("it is longer than 1 MiB")
	}
	if text == nil {
		text = []byte{}
	}
	return text, nil
}

// unwrap leaves the path out: messages name the key.
func unwrap(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}

// line is a value without the line break that editors and `kubectl create secret --from-file` leave at its end.
func line(text []byte) string { return strings.TrimRight(string(text), "\r\n") }
