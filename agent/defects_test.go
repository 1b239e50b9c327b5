package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What the original Go program got wrong in the Pod (docs/differences.md), each by its name.
func TestDefectsOfTheOriginal(t *testing.T) {
	t.Parallel()
	registry := newCache(t)
	const makesTree = "mkdir -p d/in; echo x > d/in/x"
	t.Run("it never passes an artifact: a directory arrives unpacked, for the next step and for stock oras", func(t *testing.T) {
		t.Parallel()
		output := registry.artifact()
		makes(t, output, makesTree, "--output-path", "d")
		place, _ := takes(t, "true", output)
		for _, folder := range []string{place, stockPull(t, output)} {
			if contentOf(t, folder, "d/in/x") != "x\n" {
				t.Error("other content")
			}
		}
	})
	t.Run("unpack a dead branch: false leaves the archive", func(t *testing.T) {
		t.Parallel()
		output := registry.artifact()
		makes(t, output, makesTree, "--output-path", "d")
		p := newPod(t, "")
		p.pullOptions = []string{"--unpack=false"}
		wants(t, p.pull(output), 0, "")
		wants(t, p.program("true", "--input-path", p.work), 0, "")
		found, err := os.ReadDir(p.work)
		must(t, err)
		if len(found) != 1 || found[0].Name() != "d.tar.gz" {
			t.Errorf("%v", found)
		}
	})
	t.Run("exit code lost and a failed program's output pushed: 7 stays 7, and nothing is pushed", func(t *testing.T) {
		t.Parallel()
		output := registry.artifact()
		program, _ := step(t, output, "echo half > x; exit 7", "--output-path", "x")
		wants(t, program, 7, "")
		if isPushed(t, output) {
			t.Error("something is pushed")
		}
	})
	t.Run("$@ unquoted: the program has the words that were written", func(t *testing.T) {
		t.Parallel()
		c := alone(t, nil, append([]string{"/usr/bin/printf", "%s\\0"}, hardWords...))
		c.launch()
		wants(t, c, 0, "")
		if got := strings.Split(c.stdout.String(), "\x00"); !slices.Equal(got[:len(got)-1], hardWords) {
			t.Errorf("%q", got)
		}
	})
	t.Run("shell injection through output-path: it is a path and no more", func(t *testing.T) {
		t.Parallel()
		const path = "$(touch injected);`touch injected`; touch injected #"
		p := newPod(t, registry.artifact())
		wants(t, p.pull(), 0, "")
		oras := p.push()
		wants(t, p.exec([]string{"sh", "-c", `echo x > "$1"`, "sh", path}, "--output-path", path), 0, "")
		wants(t, oras, 0, `"digest"`)
		place, _ := takes(t, "true", p.output)
		for _, folder := range []string{p.work, place} {
			if found, err := os.ReadDir(folder); err != nil || len(found) != 1 || found[0].Name() != path {
				t.Errorf("%v, %v", found, err)
			}
		}
	})
	t.Run("pull errors ignored: the init container fails with its exit code", func(t *testing.T) {
		t.Parallel()
		wants(t, newPod(t, "").pull(registry.artifact()), 181, "pull of "+registry.host)
	})
	t.Run("passwords on argv: they are read from files", func(t *testing.T) {
		t.Parallel()
		pull, shown := withPassword(t, true, "--plain-login-host", "HOST", "--credentials-host", "HOST")
		wants(t, pull, 0, "")
		if strings.Contains(strings.Join(pull.Args, " ")+strings.Join(pull.Env, " "), "s3cret") || len(shown()) == 0 {
			t.Error("it is shown, or was not used")
		}
	})
	t.Run("input order random: the last one wins", func(t *testing.T) {
		t.Parallel()
		var inputs []string
		for _, word := range []string{"one", "two", "three"} {
			inputs = append(inputs, registry.artifact())
			makes(t, inputs[len(inputs)-1], "echo "+word+" > same", "--output-path", "same")
		}
		for range 3 {
			if place, _ := takes(t, "true", inputs...); contentOf(t, place, "same") != "three\n" {
				t.Error("another one")
			}
		}
	})
	t.Run("an application that is killed leaves the sidecar waiting for ever: it ends, and pushes nothing", func(t *testing.T) {
		t.Parallel()
		p := newPod(t, registry.artifact())
		wants(t, p.pull(), 0, "")
		oras := p.push()
		program := p.program(waitsForGo+"true", "--output-path", "x")
		oras.says("runs")
		program.kill()
		wants(t, oras, 0, "it was killed")
		if isPushed(t, p.output) {
			t.Error("something is pushed")
		}
	})
	t.Run("annotations file packed into the artifact: it holds what the program left, alone", func(t *testing.T) {
		t.Parallel()
		output := registry.artifact()
		makes(t, output, "echo x > x", "--output-path", ".")
		found, err := filepath.Glob(filepath.Join(stockPull(t, output), "*"))
		if must(t, err); len(found) != 1 || filepath.Base(found[0]) != "x" {
			t.Errorf("%v", found)
		}
	})
	t.Run("bash, wget and root needed in the user's image", TestAnImageOfOneProgram)
}
