package credentials

import (
	"fmt"
	"path/filepath"

	"github.com/converged-computing/oras-operator/agent/internal/reference"
)

// Late is the folder with the login of the step's own cache, and with its CA where that serves TLS. Both may come later than the step, as the cache itself may,
// and change while the step runs: the kubelet shows an optional Secret a minute after it was made. A nil Late has no
// logins.
type Late struct {
	// Dir is where its docker configuration is mounted, as config.json.
	Dir string
	// Host is the cache's, with its port. The login is shown to nobody else.
	Host string
}

// CAFile is the file of the CAs, beside the login.
const CAFile = "ca.crt"

// StorageCAFile is that of the CAs of the object storage to which the cache's registry redirects, beside the login. See
// src/injection/containers.ts.
const StorageCAFile = "storage-ca.crt"

// Has says whether a host is the cache's.
func (l *Late) Has(host string) bool {
	return l != nil && within(reference.Registry{Host: l.Host}, reference.Reference{Host: host})
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
	logins, err := config.logins(wantedBy(reference.Reference{Host: host, Repository: repository}))
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

// CA returns the CAs of the cache's registry in PEM; nil where it serves no TLS, as far as is known by now.
func (l *Late) CA() ([]byte, error) {
	if l == nil {
		return nil, nil
	}
	return l.pem(CAFile, "the CA of the OrasCache")
}

// StorageCA returns the CAs of the object storage to which the cache's registry redirects, in PEM; nil where it needs none,
// or its Secret is not there yet.
func (l *Late) StorageCA() ([]byte, error) {
	if l == nil {
		return nil, nil
	}
	return l.pem(StorageCAFile, "the CA of the object storage")
}

func (l *Late) pem(file, what string) ([]byte, error) {
	pem, err := readFile(filepath.Join(l.Dir, file))
	if err != nil {
		return nil, fmt.Errorf("%s in %s cannot be read: %w", what, l.Dir, err)
	}
	return pem, nil
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
