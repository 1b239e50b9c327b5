package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/converged-computing/oras-operator/agent/internal/testprogram"
)

// FAULTS F: unpacking over what is there.

// unpackOver pulls inputs and unpacks them in a place that a script has made.
func unpackOver(t *testing.T, script string, inputs ...string) (*container, string) {
	t.Helper()
	p := newPod(t, "")
	t.Cleanup(func() { letBeRemoved(p.work) })
	shell(t, p.work, script)
	wants(t, p.pull(inputs...), 0, "")
	step := p.program("echo ran", "--input-path", p.work)
	_, _ = step.end()
	return step, p.work
}

func TestLinksToDirectoriesStayAndAreFollowed(t *testing.T) {
	t.Parallel()
	registry := newCache(t)
	elsewhere := t.TempDir()
	for name, c := range map[string]struct{ makes, there, check string }{
		"art-01, usr-merged":          {"mkdir -p bin lib; echo t > bin/tool; echo s > lib/so", "mkdir -p usr/bin usr/lib; ln -s usr/bin bin; ln -s usr/lib lib", "[ -L bin ] && [ -L lib ] && [ -f usr/bin/tool ] && [ -f usr/lib/so ]"},
		"art-01, a link to a mount":   {"mkdir data; echo x > data/f", "ln -s " + elsewhere + " data", "[ -L data ] && [ -f " + elsewhere + "/f ]"},
		"a link to a link":            {"mkdir a; echo x > a/f", "mkdir c; ln -s c b; ln -s b a", "[ -L a ] && [ -L b ] && [ -f c/f ]"},
		"a link below a directory":    {"mkdir -p d/e; echo x > d/e/f", "mkdir -p d real; ln -s ../real d/e", "[ -L d/e ] && [ -f real/f ]"},
		"a link to a directory above": {"mkdir -p d/e; echo x > d/e/f", "mkdir -p d; ln -s .. d/e", "[ -L d/e ] && [ -f f ]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			input := registry.artifact()
			makes(t, input, c.makes, "--output-path", ".")
			step, place := unpackOver(t, c.there, input)
			wants(t, step, 0, "")
			shell(t, place, c.check)
		})
	}
}

// art-32: what is in the way is named, and stays.
func TestFilesWhereDirectoriesAre(t *testing.T) {
	t.Parallel()
	registry := newCache(t)
	for name, c := range map[string]struct {
		inputs      []string
		there, says string
		check       string
	}{
		"a file where a directory is":           {[]string{"echo x > x"}, "mkdir x; echo kept > x/kept", "/x where a directory is", "[ -f x/kept ]"},
		"a directory where a file is":           {[]string{"mkdir x; echo f > x/f"}, "echo kept > x", "/x where a file is", `[ "$(cat x)" = kept ]`},
		"a directory where a dangling link is":  {[]string{"mkdir x; echo f > x/f"}, "ln -s nowhere x", "a link to nowhere", "[ -L x ]"},
		"a directory where a link to a file is": {[]string{"mkdir x; echo f > x/f"}, "echo kept > y; ln -s y x", "/x", `[ "$(cat y)" = kept ] && [ -L x ]`},
		"a link where a directory is":           {[]string{"ln -s y x; echo > y"}, "mkdir x; echo kept > x/kept", "/x where a directory is", "[ -f x/kept ]"},
		"a directory where a pipe is":           {[]string{"mkdir x; echo f > x/f"}, "mkfifo x", "/x", "[ -p x ]"},
		"a file and then a directory":           {[]string{"echo x > x", "mkdir x; echo f > x/f"}, "true", "x", "[ ! -e x ]"},
		"a directory and then a file":           {[]string{"mkdir x; echo f > x/f", "echo x > x"}, "true", "x", "[ ! -e x ]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var inputs []string
			for _, script := range c.inputs {
				input := registry.artifact()
				makes(t, input, script, "--output-path", ".")
				inputs = append(inputs, input)
			}
			step, place := unpackOver(t, c.there, inputs...)
			wants(t, step, 186, c.says)
			if step.stdout.String() != "" {
				t.Error("the program ran")
			}
			shell(t, place, c.check)
		})
	}
}

// What belongs to somebody else keeps owner, mode and time: only bytes that did not arrive are failures.
func TestDirectoriesOfOtherUsers(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs to become other users")
	}
	t.Parallel()
	input := "http://" + startRegistry(t) + "/others/x:1"
	makes(t, input, "mkdir -p results/deep; echo x > results/deep/f; echo y > results/g", "--output-path", ".")
	for name, c := range map[string]struct {
		there string
		mount bool
		code  int
		says  string
	}{
		"inj-17, a subdirectory":           {"mkdir -m 2777 results results/deep; chown 1001:3000 results results/deep; touch -d 2001-01-01 results results/deep", false, 0, ""},
		"art-24, a mount":                  {"mkdir results", true, 0, ""},
		"a closed one":                     {"mkdir -m 755 results", false, 186, "results belongs to user 0 and cannot be written by user 2002"},
		"a file of another user's is new":  {"mkdir -m 777 results; echo old > results/g; chmod 600 results/g", false, 0, ""},
		"closed, but nothing is for there": {"mkdir -m 700 other", false, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPod(t, "")
			root := t.TempDir()
			for folder := root; folder != os.TempDir(); folder = filepath.Dir(folder) {
				must(t, os.Chmod(folder, 0o755))
			}
			p.share, p.work = filepath.Join(root, "share"), filepath.Join(root, "work")
			must(t, os.Mkdir(p.share, 0o755))
			must(t, os.Mkdir(p.work, 0o755))
			must(t, os.Chmod(p.work, 0o777))
			shell(t, p.work, "umask 0; "+c.there)
			results := filepath.Join(p.work, "results")
			if c.mount {
				testprogram.Mount(t, results, "mode=2777,gid=3000")
			}
			before, _ := os.Stat(results)
			wants(t, p.pull(input), 0, "")
			step := p.wrapped(0, []string{"sh", "-c", "cat results/deep/f results/g"}, "--input-path", p.work)
			step.Path = filepath.Join(p.share, "0/agent")
			step.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 2002, Gid: 2002}}
			step.launch()
			// It may not write where the test has its message.
			if code, _ := step.end(); code != c.code || !strings.Contains(step.stderr.String(), c.says) {
				t.Errorf("exit code %d, says %s", code, step.stderr.String())
			}
			if c.code == 0 && step.stdout.String() != "x\ny\n" {
				t.Errorf("read %q", step.stdout.String())
			}
			after, err := os.Stat(results)
			if before == nil || c.code != 0 {
				return
			}
			must(t, err)
			if was, is := before.Sys().(*syscall.Stat_t), after.Sys().(*syscall.Stat_t); was.Uid != is.Uid || was.Gid != is.Gid || was.Mode != is.Mode {
				t.Errorf("%o of %d:%d, was %o of %d:%d", is.Mode, is.Uid, is.Gid, was.Mode, was.Uid, was.Gid)
			}
		})
	}
}

// art-50: directories of oras-py are unpacked, and the log says why.
func TestDirectoriesOfOrasPy(t *testing.T) {
	t.Parallel()
	h := newHostile(t)
	l := h.blob(gzipped(t, tarOf(aDirectory("d"), aFile("d/f"))), "d").with("mediaType", "application/vnd.oci.image.layer.v1.tar+gzip")
	input, _ := h.put(t, manifestOf(t, []layer{l}, "config", emptyConfig.with("mediaType", "application/vnd.unknown.config.v1+json")))
	p := newPod(t, "")
	pull := p.pull(input)
	wants(t, pull, 0, "")
	wants(t, p.program("cat d/f", "--input-path", p.work), 0, "")
	if !strings.Contains(pull.stderr.String(), "unpacked") {
		t.Errorf("says %s", pull.stderr.String())
	}
}
