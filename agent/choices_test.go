package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// madeTree is a script that makes a directory "tree" with a little of all.
const madeTree = "mkdir -p tree/empty; echo one > tree/a; head -c 300000 /dev/zero > tree/zeros; ln -s a tree/l"

func TestCompression(t *testing.T) {
	t.Parallel()
	registry := newCache(t)
	for _, compression := range []string{"auto", "gzip", "none"} {
		t.Run(compression+" is read by the stock client", func(t *testing.T) {
			t.Parallel()
			p := newPod(t, registry.artifact())
			wants(t, p.pull(), 0, "")
			oras := p.push("--compression", compression)
			wants(t, p.program(madeTree, "--output-path", "tree"), 0, "")
			wants(t, oras, 0, `"digest"`)
			shell(t, stockPull(t, p.output), `[ "$(cat tree/l)" = one ] && [ -d tree/empty ]`)
		})
	}
	for _, c := range []struct{ output, script, title, read string }{
		{"tree", madeTree, "tree.tar.zst", "cat tree/a"},
		{".", "echo one > a", "step-", "cat a"},
		{"tree/.", madeTree, "step-", "cat l"},
	} {
		t.Run("zstd of "+c.output+" is unpacked by us, and an archive to others", func(t *testing.T) {
			t.Parallel()
			p := newPod(t, registry.artifact())
			wants(t, p.pull(), 0, "")
			oras := p.push("--compression", "zstd")
			wants(t, p.program(c.script, "--output-path", c.output), 0, "")
			wants(t, oras, 0, `"digest"`)
			layer := manifestAt(t, p.output).Layers[0]
			title := layer.Annotations[titleKey]
			if layer.MediaType != "application/vnd.oci.image.layer.v1.tar+zstd" || !strings.HasPrefix(title, c.title) || !strings.HasSuffix(title, ".tar.zst") ||
				layer.Annotations[unpackKey] != "" {
				t.Errorf("%+v", layer)
			}
			if _, said := takes(t, c.read, p.output); said != "one\n" {
				t.Errorf("read %q", said)
			}
			shell(t, stockPull(t, p.output), "[ -f "+title+" ]")
		})
	}
}

func TestTheSameContentIsTheSameArtifact(t *testing.T) {
	t.Parallel()
	registry := newCache(t)
	for _, compression := range []string{"auto", "none", "zstd"} {
		t.Run(compression, func(t *testing.T) {
			t.Parallel()
			digests := map[string]bool{}
			for i := range 2 {
				p := newPod(t, registry.artifact())
				wants(t, p.pull(), 0, "")
				oras := p.push("--compression", compression)
				wants(t, p.program(fmt.Sprintf("umask %d; mkdir d; echo 1 > d/b; echo 2 > d/a; chmod 644 d/*; chmod 755 d", i), "--output-path", "d"), 0, "")
				wants(t, oras, 0, `"digest"`)
				digests[digestOfTag(t, p.output)] = true
			}
			if len(digests) != 1 {
				t.Errorf("%v", digests)
			}
		})
	}
}

func TestPushOn(t *testing.T) {
	t.Parallel()
	registry := newCache(t)
	for _, c := range []struct {
		when   string
		code   int
		pushed bool
	}{
		{"success", 0, true}, {"success", 3, false}, {"failure", 0, false}, {"failure", 3, true}, {"always", 0, true}, {"always", 3, true},
		// Codes of the operator's own and of signals are the program's too (art-37).
		{"failure", 137, true}, {"always", 143, true}, {"always", 190, true}, {"success", 186, false}, {"failure", 255, true},
	} {
		t.Run(fmt.Sprintf("%s, exit code %d", c.when, c.code), func(t *testing.T) {
			t.Parallel()
			p := newPod(t, registry.artifact())
			wants(t, p.pull(), 0, "")
			oras := p.push("--push-on", c.when)
			wants(t, p.program("echo x > f; exit "+strconv.Itoa(c.code), "--output-path", "f", "--push-on", c.when), c.code, "")
			wants(t, oras, 0, "")
			if isPushed(t, p.output) != c.pushed {
				t.Errorf("pushed: %v", !c.pushed)
			}
		})
	}
	t.Run("a program that failed and left nothing keeps its exit code", func(t *testing.T) {
		t.Parallel()
		for _, when := range []string{"always", "failure"} {
			p := newPod(t, registry.artifact())
			wants(t, p.pull(), 0, "")
			oras := p.push("--push-on", when)
			program := p.program("exit 3", "--output-path", "f", "--push-on", when)
			wants(t, program, 3, "")
			if said := program.stderr.String(); strings.Count(said, "could not be handed over: there is nothing at f") != 1 {
				t.Errorf("says %s", said)
			}
			wants(t, oras, 0, "nothing pushed")
			if isPushed(t, p.output) {
				t.Error("something is pushed")
			}
		}
	})
	t.Run("each attempt under OnFailure, until one succeeds", func(t *testing.T) {
		t.Parallel()
		p := newPod(t, registry.artifact())
		p.policy = `{"restart":"OnFailure"}`
		wants(t, p.pull(), 0, "")
		oras := p.push("--push-on", "always")
		wants(t, p.program("echo 3 > f; exit 3", "--output-path", "f", "--push-on", "always", "--oras-comes-back"), 3, "")
		until(t, "the first push", func() bool { return strings.Contains(oras.stderr.String(), "pushed ") })
		if got := contentOf(t, stockPull(t, p.output), "f"); got != "3\n" {
			t.Errorf("pushed %q", got)
		}
		wants(t, p.program("echo 0 > f", "--output-path", "f", "--push-on", "always", "--oras-comes-back"), 0, "")
		wants(t, oras, 0, `"digest"`)
		if got := contentOf(t, stockPull(t, p.output), "f"); got != "0\n" {
			t.Errorf("pushed %q", got)
		}
	})
}

func TestSeveralWrappedContainers(t *testing.T) {
	t.Parallel()
	registry := newCache(t)
	two := func(t *testing.T) *pod {
		p := newPod(t, registry.artifact())
		p.containers = 2
		wants(t, p.pull(), 0, "")
		return p
	}
	second := func(p *pod, script string, options ...string) *container {
		c := p.wrapped(1, []string{"sh", "-c", script}, options...)
		c.launch()
		return c
	}
	t.Run("make one artifact when the last has ended, in the order of their numbers", func(t *testing.T) {
		t.Parallel()
		p := two(t)
		oras := p.push("--image", "a", "--image", "b")
		one := p.program("mkdir tree; echo 1 > tree/x; until [ -e gate ]; do sleep 0.01; done", "--output-path", "tree")
		wants(t, second(p, "echo two", "--output-pipe", "log", "--output-path", "log"), 0, "")
		if isPushed(t, p.output) {
			t.Error("pushed before the last has ended")
		}
		must(t, os.WriteFile(filepath.Join(p.work, "gate"), nil, 0o600))
		wants(t, one, 0, "")
		wants(t, oras, 0, `"digest"`)
		shell(t, stockPull(t, p.output), `[ "$(cat tree/x log | tr '\n' ' ')" = "1 two " ]`)
		m := manifestAt(t, p.output)
		if m.Layers[0].Annotations[titleKey] != "tree" || m.Layers[1].Annotations[titleKey] != "log" ||
			m.Annotations["oras.converged-computing.github.io/image"] != "a" || m.Annotations["oras.converged-computing.github.io/image_1"] != "b" {
			t.Errorf("%+v", m)
		}
	})
	t.Run("unpack their inputs, each in its own place", func(t *testing.T) {
		t.Parallel()
		input := registry.artifact()
		makes(t, input, "echo in > f", "--output-path", "f")
		p := newPod(t, "")
		p.containers = 2
		wants(t, p.pull(input), 0, "")
		for number := range 2 {
			c := p.wrapped(number, []string{"cat", fmt.Sprintf("in-%d/f", number)}, "--input-path", fmt.Sprintf("in-%d", number))
			c.launch()
			wants(t, c, 0, "")
			if c.stdout.String() != "in\n" {
				t.Errorf("%d read %q", number, c.stdout.String())
			}
		}
	})
	for name, script := range map[string]string{"fails": "exit 4", "is killed": "kill -9 $PPID", "kills all": "kill -9 $PPID $$"} {
		t.Run("push nothing when one "+name, func(t *testing.T) {
			t.Parallel()
			p := two(t)
			oras := p.push()
			one := p.program("echo x > f", "--output-path", "f")
			other := second(p, "until [ -e gate ]; do sleep 0.01; done; "+script)
			// Who is killed before oras has seen it is the operator's business.
			until(t, "oras to see it", func() bool { return strings.Contains(oras.stderr.String(), "container 2 runs") })
			must(t, os.WriteFile(filepath.Join(p.work, "gate"), nil, 0o600))
			if code, _ := other.end(); code == 0 {
				t.Error("success")
			}
			wants(t, one, 0, "")
			wants(t, oras, 0, "nothing pushed")
			if isPushed(t, p.output) {
				t.Error("something is pushed")
			}
		})
	}
	t.Run("fail the push when they made files of the same name", func(t *testing.T) {
		t.Parallel()
		p := two(t)
		oras := p.push()
		one := p.program("echo x > f", "--output-path", "f")
		other := second(p, "mkdir b; echo y > b/f", "--output-path", "b/f")
		wants(t, one, 0, "")
		wants(t, other, 0, "")
		wants(t, oras, 190, "the wrapped containers 1 and 2 both made an output named f; give one of them an output path of another name")
		if isPushed(t, p.output) {
			t.Error("something is pushed")
		}
	})
}
