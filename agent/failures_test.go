package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// failing runs a step with an output, and what it leaves for the case of a failure, and returns its containers, which have ended.
func failing(t *testing.T, output, left, script string, options ...string) (program, oras *container) {
	t.Helper()
	p := newPod(t, output)
	wants(t, p.pull(), 0, "")
	oras = p.push("--failure-output", left)
	program = p.program(script, append([]string{"--keep-failure"}, options...)...)
	_, _ = program.end()
	_, _ = oras.end()
	return program, oras
}

// A step that fails ends as it would without failure-uri, and what it leaves is where that says.
func TestWhatAFailedStepLeaves(t *testing.T) {
	t.Parallel()
	registry := newCache(t)
	t.Run("its output and its log", func(t *testing.T) {
		t.Parallel()
		output, left := registry.artifact(), registry.artifact()
		program, oras := failing(t, output, left, "mkdir d; echo half > d/half; echo printed; echo wrong >&2; exit 3", "--output-path", "d")
		wants(t, program, 3, "")
		name := strings.TrimPrefix(left, "http://")
		wants(t, oras, 0, "nothing pushed: the program ended with exit code 3; what it left was pushed to "+name+" (sha256:")
		if isPushed(t, output) {
			t.Error("it counts as the output")
		}
		folder := stockPull(t, left)
		if text := contentOf(t, folder, "oras-log.txt"); !strings.Contains(text, "printed\n") || !strings.Contains(text, "wrong\n") {
			t.Errorf("%q", text)
		}
		if text := contentOf(t, folder, "d", "half"); text != "half\n" {
			t.Errorf("%q", text)
		}
		if program.stdout.String() != "printed\n" || !strings.Contains(program.stderr.String(), "wrong\n") {
			t.Errorf("the log is %q and %q", program.stdout.String(), program.stderr.String())
		}
	})
	t.Run("its log alone, where there is no output", func(t *testing.T) {
		t.Parallel()
		output, left := registry.artifact(), registry.artifact()
		program, oras := failing(t, output, left, "echo early; exit 7", "--output-path", "d")
		wants(t, program, 7, "")
		wants(t, oras, 0, "the program ended with exit code 7")
		folder := stockPull(t, left)
		if text := contentOf(t, folder, "oras-log.txt"); text != "early\n" {
			t.Errorf("%q", text)
		}
	})
	t.Run("the end of a long log", func(t *testing.T) {
		t.Parallel()
		left := registry.artifact()
		program, _ := failing(t, registry.artifact(), left, "seq 1 400000; exit 1", "--output-path", "d")
		wants(t, program, 1, "")
		text := contentOf(t, stockPull(t, left), "oras-log.txt")
		if len(text) != 1<<20 || !strings.HasSuffix(text, "399999\n400000\n") {
			t.Errorf("%d bytes, the last %q", len(text), text[max(len(text)-20, 0):])
		}
	})
	t.Run("beside an output-pipe, which is whole", func(t *testing.T) {
		t.Parallel()
		output, left := registry.artifact(), registry.artifact()
		program, _ := failing(t, output, left, "echo printed; exit 1", "--output-pipe", "log", "--output-path", "log")
		wants(t, program, 1, "")
		folder := stockPull(t, left)
		if contentOf(t, folder, "log") != "printed\n" || contentOf(t, folder, "oras-log.txt") != "printed\n" {
			t.Error("they differ")
		}
	})
	t.Run("nothing, where it succeeds", func(t *testing.T) {
		t.Parallel()
		output, left := registry.artifact(), registry.artifact()
		program, oras := failing(t, output, left, "echo x > f; echo printed", "--output-path", "f")
		wants(t, program, 0, "")
		wants(t, oras, 0, `"digest":"sha256:`)
		if !isPushed(t, output) || isPushed(t, left) {
			t.Error("a success is a failure")
		}
	})
	t.Run("the same verdict, where it cannot be pushed", func(t *testing.T) {
		t.Parallel()
		h := newHostile(t)
		program, oras := failing(t, registry.artifact(), h.URL+"/no/uploads:1", "echo x > f; exit 5", "--output-path", "f")
		wants(t, program, 5, "")
		wants(t, oras, 0, "nothing pushed: the program ended with exit code 5; what it left cannot be pushed to ")
		if !strings.Contains(oras.stderr.String(), "what the failed step has left cannot be pushed") {
			t.Errorf("%s", oras.stderr.String())
		}
	})
	t.Run("the same verdict and soon, where nobody answers", func(t *testing.T) {
		t.Parallel()
		p := newPod(t, registry.artifact())
		wants(t, p.pull(), 0, "")
		oras := p.push("--failure-output", "http://127.0.0.1:1/a/b:c", "--timeout", "86400")
		wants(t, p.program("echo x > f; exit 5", "--keep-failure", "--output-path", "f"), 5, "")
		until(t, "what is said", func() bool { return strings.Contains(oras.stderr.String(), "trying again for up to") })
		if said := oras.stderr.String(); !strings.Contains(said, "trying again for up to 30s") {
			t.Errorf("%s", said)
		}
		wants(t, oras, 0, "the program ended with exit code 5")
	})
	t.Run("each attempt anew, and at last a success", func(t *testing.T) {
		t.Parallel()
		output, left := registry.artifact(), registry.artifact()
		p := newPod(t, output)
		p.policy = onFailure
		wants(t, p.pull(), 0, "")
		oras := p.push("--failure-output", left)
		for i, word := range []string{"one", "two"} {
			wants(t, p.program("echo "+word+"; exit 4", "--keep-failure", "--output-path", "f", "--oras-comes-back"), 4, "")
			until(t, "the push", func() bool { return strings.Count(oras.stderr.String(), "what the failed step has left to") == i+1 })
		}
		wants(t, p.program("echo x > f", "--keep-failure", "--output-path", "f", "--oras-comes-back"), 0, "")
		wants(t, oras, 0, `"digest":"sha256:`)
		if text := contentOf(t, stockPull(t, left), "oras-log.txt"); text != "two\n" {
			t.Errorf("%q", text)
		}
	})
	t.Run("beside push-on, which pushes the output too", func(t *testing.T) {
		t.Parallel()
		output, left := registry.artifact(), registry.artifact()
		p := newPod(t, output)
		wants(t, p.pull(), 0, "")
		oras := p.push("--failure-output", left, "--push-on", "always")
		program := p.program("echo x > f; exit 5", "--keep-failure", "--push-on", "always", "--output-path", "f")
		wants(t, program, 5, "")
		wants(t, oras, 0, `"digest":"sha256:`)
		wants(t, oras, 0, `"left":{"artifact":"`+strings.TrimPrefix(left, "http://")+`","digest":"`+digestOfTag(t, left)+`"}`)
		if !isPushed(t, output) {
			t.Error("the output is not there")
		}
		if _, err := os.Stat(filepath.Join(stockPull(t, left), "f")); err != nil {
			t.Error(err)
		}
	})
	t.Run("beside push-on, where one of both cannot be pushed", func(t *testing.T) {
		t.Parallel()
		at := faulty(t, startRegistry(t), answers(http.MethodPut, "/manifests/", 403))
		refused, name := at+"/no/manifests:1", strings.TrimPrefix(at, "http://")+"/no/manifests:1"
		for _, c := range []struct {
			output, left string
			code         int
			says         string
		}{
			{registry.artifact(), refused, 0, `"left":{"artifact":"` + name + `"}`},
			{refused, registry.artifact(), 190, "; what it left was pushed to "},
		} {
			p := newPod(t, c.output)
			wants(t, p.pull(), 0, "")
			oras := p.push("--failure-output", c.left, "--push-on", "always")
			wants(t, p.program("echo x > f; exit 5", "--keep-failure", "--push-on", "always", "--output-path", "f"), 5, "")
			wants(t, oras, c.code, c.says)
		}
	})
}
