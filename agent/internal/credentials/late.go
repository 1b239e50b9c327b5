package credentials

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/converged-computing/oras-operator/agent/internal/reference"
)

// Late is the Secret with the login of the step's own cache. It may come later than the step, as the cache itself may,
// and change while the step runs: the kubelet shows an optional Secret a minute after it was made. A nil Late has no
// logins.
type Late struct {
	// Dir is where its docker configuration is mounted, as config.json.
	Dir string
	// Host is the cache's, with its port. The login is shown to nobody else.
	Host string
}

// Has says whether a host is the cache's.
func (l *Late) Has(host string) bool {
	return l != nil && within(reference.Registry{Host: l.Host}, host, "")
}

// Logins returns the logins for a repository of a host. None is no error: the Secret is not there yet.
func (l *Late) Logins(host, repository string) ([]Login, error) {
	if !l.Has(host) {
		return nil, nil
	}
	text, err := readFile(filepath.Join(l.Dir, "config.json"))
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && text == nil:
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("the login of the OrasCache in %s cannot be read: %w", l.Dir, err)
	}
	config, err := parseConfig(text)
	if err != nil {
		return nil, fmt.Errorf("the login of the OrasCache in %s: %w", l.Dir, err)
	}
	logins, err := config.logins(host, repository)
	for i := range logins {
		logins[i].Source = "the login of the OrasCache"
	}
	return logins, err
}
