package credentials

import (
	"fmt"
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
	config, _, err := l.read()
	if err != nil {
		return nil, err
	}
	logins, err := config.logins(host, repository)
	for i := range logins {
		logins[i].Source = "the login of the OrasCache"
	}
	return logins, err
}

// IsThere says whether the Secret is.
func (l *Late) IsThere() (bool, error) {
	_, is, err := l.read()
	return is, err
}

// read returns what the Secret has, and whether it is there.
func (l *Late) read() (config dockerConfig, is bool, err error) {
	text, err := readFile(filepath.Join(l.Dir, "config.json"))
	if err != nil {
		return config, false, fmt.Errorf("the login of the OrasCache in %s cannot be read: %w", l.Dir, err)
	}
	if text == nil {
		return config, false, nil
	}
	if config, err = parseConfig(text); err != nil {
		return config, false, fmt.Errorf("the login of the OrasCache in %s: %w", l.Dir, err)
	}
	return config, true, nil
}
