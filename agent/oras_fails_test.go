package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The container oras may be unable to begin: its Secret was changed after the init container, its image is another
// release's. Nobody listens then, and nobody will: the wrapped container must not wait for it.
func TestAnOrasThatCannotBeginEndsTheStep(t *testing.T) {
	t.Parallel()
	registry := newCache(t)
	for name, c := range map[string]struct {
		options []string
		says    string
	}{
		"a Secret that cannot be read": {[]string{"--credentials=SECRET", "--credentials-host=example.org"}, "dockerconfigjson"},
		"an unknown option":            {[]string{"--of-another-release=1"}, "of-another-release"},
		"no reference":                 {[]string{"--output=no reference"}, "no reference"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			secret := t.TempDir()
			must(t, os.WriteFile(filepath.Join(secret, ".dockerconfigjson"), []byte("{"), 0o600))
			for i, option := range c.options {
				c.options[i] = strings.ReplaceAll(option, "SECRET", secret)
			}
			for script, code := range map[string]int{"echo x > out; echo ready": 189, "echo ready; exec sleep 600": 185} {
				p := newPod(t, registry.artifact())
				wants(t, p.pull(), 0, "")
				step := p.program(script, "--output-path", "out")
				step.says("ready")
				oras := p.push(c.options...)
				wants(t, step, code, c.says)
				wants(t, oras, 185, c.says)
			}
		})
	}
}
