package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// alone starts a wrapped container without inputs and outputs, whose environment is the one given and nothing else.
func alone(t *testing.T, environment, argv []string, options ...string) *container {
	t.Helper()
	p := newPod(t, "")
	must(t, os.Mkdir(filepath.Join(p.share, "0"), 0o755))
	c := p.wrapped(0, argv, append([]string{"--variable", "TEST_ROLE", "--variable", "GORACE"}, options...)...)
	c.Env = append([]string{"TEST_ROLE=agent", endsAtOnce}, environment...)
	return c
}

// Words that shells, option parsers and line protocols change.
var hardWords = []string{
	"a b", "", "*", "$HOME", "$(x)", "`id`", "'", `x"y`, "new\nline", "--output", "--", "-x", "--share=/x", "é", `\`, "\xff\x01", "#", "!", "~", "{a,b}", "&", ";", "%s",
}

func TestArgumentsAreExact(t *testing.T) {
	t.Parallel()
	c := alone(t, nil, append([]string{"/usr/bin/printf", "%s\\0"}, hardWords...))
	c.launch()
	wants(t, c, 0, "")
	if got := strings.Split(strings.TrimSuffix(c.stdout.String(), "\x00"), "\x00"); !slices.Equal(got, hardWords) {
		t.Errorf("%q", got)
	}
}

func TestTheEnvironmentIsExact(t *testing.T) {
	t.Parallel()
	for name, environment := range map[string][]string{
		"none":                               {},
		"names that a shell cannot hold":     {"PATH=/bin", "a.b=1\n2", "a-b=$(id) 'q'", "1x=", "=x", "\xff=\xfe"},
		"names that a shell changes":         {"PATH=/bin", "IFS=,", "SHLVL=7", "PWD=/q", "OLDPWD=/z", "OPTIND=4", "_=x", "RANDOM=1", "LINENO=2", "EPOCHSECONDS=3", "MAIL=4", "PS1=5", "HISTFILE=6", "FUNCNAME=7"},
		"names that the operator uses":       {"PATH=/bin", "share=s", "output=o", "debug=d", "inputs=9", "SHARE=x", "ORAS_USER=me"},
		"settings of tools":                  {"PATH=/bin", "TAR_OPTIONS=--bogus", "POSIXLY_CORRECT=1", "GODEBUG=bogus=1", "GOGC=1", "GOMAXPROCS=1", "GOTRACEBACK=crash", "HTTP_PROXY=http://127.0.0.1:1", "TMPDIR=/nowhere"},
		"twice":                              {"A=1", "A=2", "B=1", "A=1"},
		"long":                               {"A=" + strings.Repeat("x", 100_000)},
		"ours are taken out, and no others":  {"ORAS_OPERATOR_POD_NAME_X=1", "ORAS_OPERATOR=2"},
		"many, more than a page":             strings.Fields(strings.Repeat("N=1 ", 2000)),
		"values of blanks and equals signs":  {"A= ", "B==", "C=a=b", "D=\t\n"},
		"without a value, or an equals sign": {"PATH=/bin", "ODD"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := alone(t, nil, []string{"/bin/cat", "/proc/self/environ"}, "--variable", "ORAS_OPERATOR_POD_NAME", "--variable", "ORAS_OPERATOR_POD_UID")
			c.Env = append(append([]string{"TEST_ROLE=agent", endsAtOnce, "ORAS_OPERATOR_POD_NAME=a"}, environment...), "ORAS_OPERATOR_POD_UID=b")
			// Not os/exec: it drops duplicates, which the kernel does not.
			read, write, err := os.Pipe()
			must(t, err)
			process, err := os.StartProcess(c.Path, c.Args, &os.ProcAttr{Env: c.Env, Dir: c.Dir, Files: []*os.File{nil, write, write}})
			must(t, err)
			must(t, write.Close())
			var got strings.Builder
			buffer := make([]byte, 64<<10)
			for {
				n, err := read.Read(buffer)
				got.Write(buffer[:n])
				if err != nil {
					break
				}
			}
			state, err := process.Wait()
			must(t, err)
			want := ""
			if len(environment) > 0 {
				want = strings.Join(environment, "\x00") + "\x00"
			}
			if got.String() != want || state.ExitCode() != 0 {
				t.Errorf("exit code %d, %q, want %q", state.ExitCode(), got.String(), want)
			}
		})
	}
}

func TestStandardInputIsThePrograms(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]string{"as it is": nil, "beside a copy of standard output": {"--output-pipe", "copy"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := alone(t, nil, []string{"/bin/cat"}, options...)
			c.Stdin = strings.NewReader("fed")
			c.launch()
			wants(t, c, 0, "")
			if c.stdout.String() != "fed" || options != nil && contentOf(t, c.Dir, "copy") != "fed" {
				t.Errorf("%q", c.stdout.String())
			}
		})
	}
}

// What a process inherits, as it would be in a container without us, with an output so that there is a connection.
func TestTheProgramInheritsWhatAContainerHas(t *testing.T) {
	t.Parallel()
	const tells = "umask; ulimit -a; ulimit -H -n; grep -E 'Sig(Ign|Blk|Cgt)' /proc/self/status; cat /proc/self/oom_score_adj; pwd; " +
		"for fd in /proc/self/fd/*; do readlink $fd || true; done | grep -vE '^(pipe|socket|/proc|/dev/null|anon)' | sort; echo end"
	const around = `umask 027; ulimit -S -n 333; ulimit -c 0; exec "$@"`
	folder := t.TempDir()
	bare := exec.Command("sh", "-c", around, "sh", "sh", "-c", tells)
	bare.Dir = folder
	want, err := bare.Output()
	must(t, err)
	p := newPod(t, "http://"+startRegistry(t)+"/inherits:1")
	p.work = folder
	wants(t, p.pull(), 0, "")
	oras := p.push()
	c := p.wrapped(0, []string{"sh", "-c", tells + "; echo x > x"}, "--output-path", "x")
	c.Args = append([]string{"sh", "-c", around, "sh", c.Path}, c.Args[1:]...)
	c.Path = "/bin/sh"
	c.launch()
	wants(t, c, 0, "")
	wants(t, oras, 0, `"digest"`)
	if c.stdout.String() != string(want) {
		t.Errorf("%s\nwant\n%s", c.stdout.String(), want)
	}
}

func TestTheProgramIsThatOfThePath(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	must(t, os.WriteFile(filepath.Join(folder, "echo"), []byte("#!/bin/sh\nprintf 'mine\\n'\n"), 0o755))
	c := alone(t, []string{"PATH=" + folder + ":/bin"}, []string{"echo", "theirs"})
	c.launch()
	wants(t, c, 0, "")
	if c.stdout.String() != "mine\n" {
		t.Errorf("%q", c.stdout.String())
	}
}

func TestExitCodesAreThePrograms(t *testing.T) {
	t.Parallel()
	registry := newCache(t)
	for script, code := range map[string]int{
		"exit 3": 3, "kill -9 $$": 137, "kill -INT $$": 130, "kill -SEGV $$": 139, "exit 137": 137, "exit 143": 143, "exit 255": 255, "exit 186": 186, "exit 191": 191,
	} {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			output := registry.artifact()
			program, oras := step(t, output, "touch x; "+script, "--output-path", "x")
			wants(t, program, code, "")
			wants(t, oras, 0, "exit code "+strconv.Itoa(code))
			if isPushed(t, output) {
				t.Error("something is pushed")
			}
		})
	}
}

func TestProgramsThatCannotBeRun(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		argv []string
		code int
		says string
	}{
		{[]string{"no-such-program"}, 127, "there is no program no-such-program in the container's PATH, "},
		{[]string{"./no/such"}, 127, "there is no program ./no/such in the container"},
		{[]string{"/etc/passwd"}, 126, "/etc/passwd"},
		{[]string{"/etc"}, 126, "is a directory"},
		{[]string{""}, 127, "empty word"},
	} {
		t.Run(c.argv[0], func(t *testing.T) {
			t.Parallel()
			program := alone(t, []string{"PATH=/bin"}, c.argv)
			program.launch()
			wants(t, program, c.code, c.says)
		})
	}
}

// bash, wget and root are not needed in the image: a static program alone is enough.
func TestAnImageOfOneProgram(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs chroot")
	}
	t.Parallel()
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Skip("no static busybox here")
	}
	root := t.TempDir()
	must(t, os.Chmod(root, 0o755))
	build := exec.Command("go", "build", "-o", filepath.Join(root, "agent"), ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s", out)
	}
	content, err := os.ReadFile(busybox)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(root, "busybox"), content, 0o755))
	c := alone(t, nil, []string{"/busybox", "echo", "ran"})
	c.Path, c.Dir = "/agent", "/"
	c.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	c.launch()
	if code, message := c.end(); code != 0 || c.stdout.String() != "ran\n" {
		t.Errorf("exit code %d, %q, %s", code, message, c.stderr.String())
	}
}

func TestStandardOutputThatCannotBeKept(t *testing.T) {
	t.Parallel()
	p := newPod(t, "http://"+startRegistry(t)+"/full:1")
	wants(t, p.pull(), 0, "")
	oras := p.push()
	c := p.program("echo lost", "--output-pipe", "/dev/full", "--output-path", "x")
	wants(t, c, 189, "/dev/full is not whole")
	wants(t, oras, 0, "/dev/full")
	if c.stdout.String() != "lost\n" {
		t.Errorf("the log has %q", c.stdout.String())
	}
}

// art-41: programs write to their standard output by its names.
func TestStandardOutputByItsNames(t *testing.T) {
	t.Parallel()
	c := alone(t, []string{"PATH=/bin:/usr/bin"}, []string{"sh", "-c", "echo 1; echo 2 > /dev/stdout; echo 3 >> /dev/fd/1; echo 4 > /proc/self/fd/1; sh -c 'echo 5 > /dev/stdout'"}, "--output-pipe", "copy")
	c.launch()
	wants(t, c, 0, "")
	if got := contentOf(t, c.Dir, "copy"); got != "1\n2\n3\n4\n5\n" || c.stdout.String() != got {
		t.Errorf("copied %q, the log has %q", got, c.stdout.String())
	}
}

func TestTheCopyOfStandardOutputEnds(t *testing.T) {
	t.Parallel()
	registry := newCache(t)
	output := registry.artifact()
	p := newPod(t, output)
	wants(t, p.pull(), 0, "")
	oras := p.push()
	c := p.program("sleep 600 2>/dev/null & echo done", "--output-path", "log", "--output-pipe", "log")
	wants(t, c, 0, "")
	wants(t, oras, 0, `"bytes":5`)
	if got := c.stdout.String(); got != "done\n" {
		t.Errorf("the log has %q", got)
	}
}
