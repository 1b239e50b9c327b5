package main

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/converged-computing/oras-operator/agent/internal/testprogram"
	"golang.org/x/sys/unix"
)

// The termination message from which the operator makes an Event; I9: it says where the tag pointed before.
func TestWhatWasPushedIsTold(t *testing.T) {
	t.Parallel()
	output := "http://" + startRegistry(t) + "/told/x:1"
	push := func(content string) map[string]any {
		_, oras := step(t, output, "echo "+content+" > f", "--output-path", "f")
		var told map[string]any
		must(t, json.Unmarshal([]byte(contentOf(t, oras.message)), &told))
		return told
	}
	first := push("one")
	if first["artifact"] != plain(output) || first["digest"] != digestOfTag(t, output) || first["bytes"] != 4.0 || first["replaced"] != nil || first["architecture"] != runtime.GOARCH || len(first) != 5 {
		t.Errorf("%v", first)
	}
	if _, isNumber := first["seconds"].(float64); !isNumber {
		t.Errorf("%v", first)
	}
	if second := push("two"); second["replaced"] != first["digest"] {
		t.Errorf("%v", second)
	}
	if third := push("two"); third["replaced"] != nil {
		t.Errorf("replaced by the same: %v", third)
	}
}

// The artifact says which image made it and what that read.
func TestWhereAnArtifactComesFrom(t *testing.T) {
	t.Parallel()
	registry := newCache(t)
	inputs := []string{registry.artifact(), registry.artifact()}
	for _, input := range inputs {
		makes(t, input, "echo "+input+" > f", "--output-path", "f")
	}
	p := newPod(t, registry.artifact())
	wants(t, p.pull(inputs...), 0, "")
	oras := p.push("--image", "example.com/eat:1")
	wants(t, p.program("rm f; echo x > x", "--input-path", p.work, "--output-path", "x"), 0, "")
	wants(t, oras, 0, `"digest"`)
	annotations := manifestAt(t, p.output).Annotations
	const key = "oras.converged-computing.github.io/"
	if annotations[key+"image"] != "example.com/eat:1" || annotations[key+"input"] != digestOfTag(t, inputs[0]) || annotations[key+"input_1"] != digestOfTag(t, inputs[1]) {
		t.Errorf("%v", annotations)
	}
}

func TestAnOutputDirectoryArrivesAsItIs(t *testing.T) {
	t.Parallel()
	output := "http://" + startRegistry(t) + "/directory:1"
	program, oras := step(t, output, `mkdir -p 'ana lysis/empty'; cd 'ana lysis'
printf odd > "$(printf "new\nline é 'q'")"; : > -dash; echo '#!/bin/sh' > run.sh; chmod 751 run.sh; ln -s run.sh link; ln run.sh hard
mkfifo pipe "$(printf 'new\nline')" '[p]' 'back\n'`, "--output-path", "ana lysis")
	wants(t, program, 0, "")
	wants(t, oras, 0, `"digest"`)
	if said := program.stderr.String(); !strings.Contains(said, "pipe") || strings.Contains(said, "\nline") {
		t.Errorf("says %s", said)
	}
	place, _ := takes(t, "true", output)
	for _, folder := range []string{stockPull(t, output), place} {
		shell(t, folder, `cd 'ana lysis'; [ "$(cat "$(printf "new\nline é 'q'")")" = odd ] && [ $(stat -c %a run.sh) = 751 ] && [ $(readlink link) = run.sh ] &&
[ -d empty ] && [ -f -dash ] && [ ! -s ./-dash ] && [ $(ls -A | wc -l) = 7 ]`)
	}
}

func TestNamesOfOutputs(t *testing.T) {
	t.Parallel()
	registry := newCache(t)
	for path, c := range map[string]struct{ script, found string }{
		"tree/below/..":   {"mkdir -p tree/below; echo x > tree/f", "tree/f"},
		"tree/":           {"mkdir tree; echo x > tree/f", "tree/f"},
		"tree/.":          {"mkdir tree; echo x > tree/f", "f"},
		".":               {"echo x > f", "f"},
		"":                {"echo x > f", ""},
		"deep/er/f":       {"mkdir -p deep/er; echo x > deep/er/f", "f"},
		"link":            {"echo x > f; ln -s f link", "link"},
		"links/":          {"mkdir d; echo x > d/f; ln -s d l; ln -s l links", "links/f"},
		"l/a b/../a b/f":  {"mkdir -p 'd/a b'; echo x > 'd/a b/f'; ln -s d l", "f"},
		"$(touch evil);`": {"echo x > '$(touch evil);`'", "$(touch evil);`"},
		"*":               {"echo x > '*'; echo y > y", "*"},
		"-rf":             {"echo x > ./-rf", "-rf"},
	} {
		if path == "" {
			continue
		}
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			output := registry.artifact()
			makes(t, output, c.script, "--output-path", path)
			if got := contentOf(t, stockPull(t, output), c.found); got != "x\n" {
				t.Errorf("%q", got)
			}
			place, _ := takes(t, "true", output)
			if got := contentOf(t, place, c.found); got != "x\n" {
				t.Errorf("%q", got)
			}
			if _, err := os.Stat(filepath.Join(place, "evil")); err == nil {
				t.Error("a path was run")
			}
		})
	}
}

// What cannot be pushed fails a step that succeeded; nothing is pushed, and the message names what it is.
func TestOutputsThatCannotBePushed(t *testing.T) {
	t.Parallel()
	registry := newCache(t)
	for name, c := range map[string]struct{ path, script, says string }{
		"missing":                          {"nowhere", "true", "nothing at nowhere"},
		"missing, I6: the nearest":         {"reslts.csv", "echo x > results.csv; echo y > other", "there is results.csv, other; is results.csv meant?"},
		"missing, below what is there":     {"out/run/x", "mkdir out; echo x > out/y", "/out there is y"},
		"missing, in an empty directory":   {"out/x", "mkdir out", "out is empty"},
		"missing, among many":              {"x", "for i in 1 2 3 4 5 6 7; do echo > file-$i; done", "and 2 more"},
		"art-26, a pattern":                {"*.txt", "echo x > a.txt", "*.txt"},
		"art-38, a link to nothing":        {"l", "ln -s nowhere l", "link to nowhere"},
		"art-25, an absolute link out":     {"d", "mkdir d; ln -s /etc/passwd d/abs", "abs -> /etc/passwd"},
		"a link above":                     {"d", "mkdir d; ln -s ../../x d/up", "up -> ../../x"},
		"a link to what lies beside":       {"d", "mkdir d; echo x > x; ln -s ../x d/up", "up -> ../x"},
		"a pipe":                           {"p", "mkfifo p", "p"},
		"art-22, a directory that is gone": {"x", "echo x > x; rm -rf \"$PWD\"", "x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			output := registry.artifact()
			program, oras := step(t, output, c.script, "--output-path", c.path)
			wants(t, program, 189, c.says)
			wants(t, oras, 0, "nothing pushed")
			if isPushed(t, output) {
				t.Error("something is pushed")
			}
		})
	}
}

// art-22: the program removes its working directory, and its output is elsewhere.
func TestAnOutputOutsideOfAWorkingDirectoryThatIsGone(t *testing.T) {
	t.Parallel()
	output, elsewhere := "http://"+startRegistry(t)+"/gone:1", t.TempDir()
	makes(t, output, "echo x > "+elsewhere+"/x; rm -rf \"$PWD\"", "--output-path", elsewhere+"/x")
	if contentOf(t, stockPull(t, output), "x") != "x\n" {
		t.Error("other content")
	}
}

// art-25: absolute links into the output itself are kept, and lead to the same in another place.
func TestLinksIntoTheOutputItself(t *testing.T) {
	t.Parallel()
	output := "http://" + startRegistry(t) + "/links:1"
	makes(t, output, `mkdir -p out/run-1/deep; echo x > out/run-1/f; ln -s "$PWD/out/run-1" out/latest; ln -s ../out/run-1 out/detour; ln -s "$PWD/out/run-1/f" out/run-1/deep/abs; ln -s "$PWD/out/later" out/dangling`,
		"--output-path", "out")
	place, _ := takes(t, "true", output)
	for _, folder := range []string{place, stockPull(t, output)} {
		shell(t, folder, `cd out; [ "$(cat latest/f detour/f run-1/deep/abs | tr -d '\n')" = xxx ] && [ "$(readlink latest)" = run-1 ] && [ "$(readlink dangling)" = later ]`)
	}
}

// Paths that cannot work fail before the program runs, which may take days.
func TestPathsThatCannotWork(t *testing.T) {
	t.Parallel()
	registry := newCache(t)
	for name, c := range map[string]struct {
		in      string
		options []string
		says    string
	}{
		"the root":                     {"/", []string{"--output-path", "."}, "the output / is the root of the filesystem; name a file or directory below it (output-path)"},
		"the root by its name":         {"", []string{"--output-path", "/"}, "root of the filesystem"},
		"the root around":              {"", []string{"--output-path", "/tmp/.."}, "root of the filesystem"},
		"the share":                    {"", []string{"--output-path", "SHARE"}, "never pushed"},
		"in the share":                 {"", []string{"--output-path", "SHARE/inputs"}, "never pushed"},
		"below a file":                 {"", []string{"--output-path", "/etc/passwd/x"}, "/etc/passwd"},
		"a pipe in no folder":          {"", []string{"--output-pipe", "no/such/folder", "--output-path", "x"}, "no/such/folder cannot be written"},
		"a named pipe":                 {"", []string{"--output-pipe", "fifo", "--output-path", "x"}, "fifo is a named pipe"},
		"a pipe that is a folder":      {"", []string{"--output-pipe", "folder", "--output-path", "x"}, "folder cannot be written"},
		"inputs where a file is":       {"", []string{"--input-path", "/etc/passwd"}, "/etc/passwd"},
		"inputs below a file":          {"", []string{"--input-path", "/etc/passwd/x"}, "/etc/passwd/x"},
		"art-06, an unreadable output": {"", []string{"--output-path", "closed"}, "closed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if strings.Contains(name, "art-06") && os.Getuid() == 0 {
				t.Skip("root reads everything")
			}
			p := newPod(t, registry.artifact())
			must(t, unix.Mkfifo(filepath.Join(p.work, "fifo"), 0o600))
			must(t, os.Mkdir(filepath.Join(p.work, "folder"), 0o755))
			must(t, os.WriteFile(filepath.Join(p.work, "closed"), nil, 0))
			if c.in != "" {
				p.work = c.in
			}
			for i := range c.options {
				c.options[i] = strings.ReplaceAll(c.options[i], "SHARE", filepath.Join(p.share, "0"))
			}
			wants(t, p.pull(), 0, "")
			must(t, os.MkdirAll(filepath.Join(p.share, "0/inputs"), 0o755))
			must(t, os.WriteFile(filepath.Join(p.share, "0/inputs/inputs.json"), []byte("[]"), 0o600))
			oras := p.push()
			step := p.program("echo ran", c.options...)
			code, message := step.end()
			if code != 187 && code != 186 || !strings.Contains(message, c.says) || step.stdout.String() != "" {
				t.Errorf("exit code %d, %q, %q", code, message, step.stdout.String())
			}
			wants(t, oras, 0, "before its program")
		})
	}
}

// FAULTS F2: what cannot be packed is told by its name, and what changes meanwhile is never padded.
func TestSocketsPipesAndDevicesAreLeftOut(t *testing.T) {
	t.Parallel()
	p := newPod(t, "http://"+startRegistry(t)+"/special:1")
	made := filepath.Join(p.work, "out")
	must(t, os.Mkdir(made, 0o755))
	must(t, unix.Mkfifo(filepath.Join(made, "pipe"), 0o600))
	must(t, os.WriteFile(filepath.Join(made, "file"), []byte("kept"), 0o644))
	if listener, err := net.Listen("unix", filepath.Join(made, "socket")); err == nil {
		defer listener.Close()
	}
	wants(t, p.pull(), 0, "")
	oras := p.push()
	step := p.program("true", "--output-path", "out")
	wants(t, step, 0, "")
	wants(t, oras, 0, `"digest"`)
	for _, name := range []string{"pipe", "socket"} {
		if !strings.Contains(step.stderr.String(), name) {
			t.Errorf("%s is not told: %s", name, step.stderr.String())
		}
	}
	place, _ := takes(t, "true", p.output)
	shell(t, place, `[ "$(ls out)" = file ]`)
}

// art-05: a volume whose root is the output has a folder of the file system's own.
func TestLostAndFoundOfAVolume(t *testing.T) {
	t.Parallel()
	p := newPod(t, newCache(t).artifact())
	volume := filepath.Join(p.work, "data")
	testprogram.Mount(t, volume, "")
	must(t, os.Mkdir(filepath.Join(volume, "lost+found"), 0o700))
	wants(t, p.pull(), 0, "")
	oras := p.push()
	step := p.program("echo x > data/result", "--output-path", "data/.")
	wants(t, step, 0, "")
	wants(t, oras, 0, `"digest"`)
	if !strings.Contains(step.stderr.String(), "lost+found") {
		t.Errorf("says %s", step.stderr.String())
	}
	place, _ := takes(t, "true", p.output)
	shell(t, place, `[ "$(ls -A)" = result ]`)
}

// art-03: a program as output stays one.
func TestAProgramAsOutput(t *testing.T) {
	t.Parallel()
	registry := newCache(t)
	for name, mode := range map[string]string{"tool": "755", "secret": "600", "wide": "666", "read": "444"} {
		output := registry.artifact()
		makes(t, output, "umask 0; printf '#!/bin/sh\\necho it runs\\n' > "+name+"; chmod "+mode+" "+name, "--output-path", name)
		place, said := takes(t, "[ ! -x ./"+name+" ] || ./"+name, output)
		shell(t, place, "[ $(stat -c %a "+name+") = "+mode+" ]")
		if (mode == "755") != (said == "it runs\n") {
			t.Errorf("%s: %q", name, said)
		}
	}
}
