package scripts

import (
	"context"
	"path/filepath"

	"github.com/converged-computing/oras-operator/agent/internal/credentials"
	"github.com/converged-computing/oras-operator/agent/internal/failure"
	"github.com/converged-computing/oras-operator/agent/internal/registry"
	"github.com/converged-computing/oras-operator/agent/internal/share"
)

// Logins says which logins a script of the author's that pulls and pushes is given.
type Logins struct {
	// Registry has the Secrets, and says how long they are waited for.
	Registry registry.Options
	// Code is the exit code where they cannot be written.
	Code int
	// Say takes lines for the log.
	Say func(line string)
}

// Copy puts them where programs such as the oras CLI look, in a folder that DOCKER_CONFIG names. It is a copy because such a
// script may log in itself, and a Secret's folder is read-only. The login of the cache is waited for, unless the step has no
// artifact there: then there is no host to ask.
func (l Logins) Copy(ctx context.Context, folder string) error {
	if l.Registry.Cache != nil && l.Registry.Cache.Host != "" {
		if err := registry.AwaitCacheLogin(ctx, l.Registry); err != nil {
			return registry.ProofCodes().Failure("login to "+l.Registry.Cache.Host, err)
		}
	}
	text, dropped, err := credentials.Together(l.Registry.Cache, l.Registry.Secret)
	if err == nil {
		err = l.copyCAs(folder)
	}
	if err == nil {
		err = share.WriteWhole(filepath.Join(folder, "config.json"), text, 0o600)
	}
	if err != nil {
		return failure.Wrap(err, l.Code, "the logins for the script cannot be written: %s", err)
	}
	if dropped {
		l.Say("credsStore of the step's Secret is left out of the script's config.json: no such helper is asked")
	}
	return nil
}

// copyCAs puts the CAs of the cache beside the logins, where SSL_CERT_DIR leads programs to them.
func (l Logins) copyCAs(folder string) error {
	cache := l.Registry.Cache
	for file, read := range map[string]func() ([]byte, error){credentials.CAFile: cache.CA, credentials.StorageCAFile: cache.StorageCA} {
		pem, err := read()
		if err == nil && pem != nil {
			err = share.WriteWhole(filepath.Join(folder, file), pem, 0o600)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
