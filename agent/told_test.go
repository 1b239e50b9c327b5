package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// I7: a failed step says why in its log, once, and with the words of its termination message.
func TestAFailureIsToldOnce(t *testing.T) {
	t.Parallel()
	registry := newCache(t)
	for name, c := range map[string]struct {
		script  string
		options []string
		code    int
	}{
		"before the program":        {"echo ran", []string{"--output-path", "/etc/passwd/x"}, 187},
		"an output that is missing": {"true", []string{"--output-path", "nowhere"}, 189},
		"an output that is refused": {"mkdir d; ln -s /etc d/l", []string{"--output-path", "d"}, 189},
		"an input that is missing":  {"true", []string{"--input-path", "in", "--output-path", "x"}, 186},
		"a copy that is not whole":  {"echo x", []string{"--output-path", "x", "--output-pipe", "/dev/full"}, 189},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program, oras := step(t, registry.artifact(), c.script, c.options...)
			wants(t, program, c.code, "")
			wants(t, oras, 0, "nothing pushed")
			message, _, _ := strings.Cut(contentOf(t, program.message), " (exit code")
			said := program.stderr.String()
			if strings.Count(said, "error: ") != 1 || !strings.Contains(said, "error: "+message) {
				t.Errorf("the message is %q, the log\n%s", message, said)
			}
		})
	}
	t.Run("a pull", func(t *testing.T) {
		t.Parallel()
		pull := newPod(t, "").pull(registry.artifact())
		wants(t, pull, 181, "")
		if strings.Count(pull.stderr.String(), "error: ") != 1 {
			t.Errorf("says %s", pull.stderr.String())
		}
	})
}

// art-29: Secrets, tokens and whatever else the operator names are left out, and told.
func TestSecretsAreLeftOut(t *testing.T) {
	t.Parallel()
	registry := newCache(t)
	for _, secret := range []string{"secret", "deep/er/token", "link-to/x"} {
		t.Run(secret, func(t *testing.T) {
			t.Parallel()
			p := newPod(t, registry.artifact())
			shell(t, p.work, "mkdir deep; ln -s deep link-to")
			path := filepath.Join(p.work, secret)
			must(t, os.MkdirAll(path, 0o755))
			must(t, os.WriteFile(filepath.Join(path, "password"), []byte("s3cret"), 0o600))
			leftOut, err := json.Marshal(map[string]string{"path": path, "what": "the Secret registry-password"})
			must(t, err)
			wants(t, p.pull(), 0, "")
			oras := p.push()
			step := p.program("echo x > x", "--output-path", ".", "--leave-out", string(leftOut))
			wants(t, step, 0, "")
			wants(t, oras, 0, `"digest"`)
			if !strings.Contains(step.stderr.String(), "the Secret registry-password") {
				t.Errorf("says %s", step.stderr.String())
			}
			shell(t, stockPull(t, p.output), `[ -f x ] && [ "$(find . -name password)" = "" ]`)
			next := newPod(t, registry.artifact())
			wants(t, next.pull(), 0, "")
			next.push()
			wants(t, next.program("echo ran", "--output-path", path, "--leave-out", string(leftOut)), 187, "the Secret registry-password")
		})
	}
}
