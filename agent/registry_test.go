package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/converged-computing/oras-operator/agent/internal/credentials"
	"github.com/converged-computing/oras-operator/agent/internal/options"
	"github.com/converged-computing/oras-operator/agent/internal/reference"
)

func TestLoginsAreForTheHostsOfTheOptions(t *testing.T) {
	folder := t.TempDir()
	must(t, os.WriteFile(filepath.Join(folder, "ORAS_USER"), []byte("me"), 0o600))
	must(t, os.WriteFile(filepath.Join(folder, "ORAS_PULL_PASS"), []byte("s3cret"), 0o600))
	o := options.Options{Credentials: folder, CredentialsHost: "ghcr.io", PlainLoginHost: "cache.ns.svc:5000"}
	found, err := registryOptions(o, credentials.Pull)
	must(t, err)
	for host, want := range map[string]int{"ghcr.io": 1, "cache.ns.svc:5000": 0, "evil.example": 0} {
		logins, err := found.Secret.Logins(t.Context(), reference.Reference{Host: host, Repository: "x"}, credentials.Pull)
		if must(t, err); len(logins) != want {
			t.Errorf("%s gets %d logins, want %d", host, len(logins), want)
		}
		if got := found.PlainLogin(host); got != (host == "cache.ns.svc:5000") {
			t.Errorf("%s in plain HTTP: %v", host, got)
		}
	}
}
