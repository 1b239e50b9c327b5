package program_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/converged-computing/oras-operator/agent/internal/failure"
	"github.com/converged-computing/oras-operator/agent/internal/program"
	"github.com/converged-computing/oras-operator/agent/internal/testprogram"
)

// The test binary is also the agent (as "run") and a program that tells about itself (as "tell").
func TestMain(m *testing.M) {
	switch {
	case os.Getenv("TEST_ROLE") == "run":
		os.Exit(run())
	case len(os.Args) > 1 && os.Args[1] == tellWord:
		tell()
	default:
		os.Exit(testprogram.Main(m))
	}
}

const tellWord = "tell about yourself"

// run is what a launcher does around its program, and nothing else.
func run() int {
	signals := program.Receive()
	started := program.Program{Argv: os.Args[1:], Env: program.Environ("TEST_ROLE", "REMOVED")}
	var copied *program.Copy
	if name := os.Getenv("COPY"); name != "" {
		file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o600)
		if err != nil {
			panic(err)
		}
		if copied, err = program.StartCopy(os.Stdout, file); err != nil {
			panic(err)
		}
		started.Stdout = copied.Stdout()
	}
	running, signal, err := signals.ForwardTo(func() (*program.Running, error) { return program.Start(started) })
	if signal != 0 {
		return 128 + int(signal)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return failure.As(err).Code
	}
	code, err := running.Wait()
	if err != nil {
		panic(err)
	}
	if copied != nil {
		if err := copied.Finish(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 99
		}
	}
	signals.Close()
	return code
}

func tell() {
	fmt.Printf("%q\n", os.Args[1:])
	raw, _ := os.ReadFile("/proc/self/environ")
	fmt.Printf("%q\n", raw)
}

// launched is a run of argv under the agent.
func launched(t *testing.T, argv ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(self, argv...)
	mine := "TEST_OF=" + t.Name()
	command.Env = append(os.Environ(), "TEST_ROLE=run", mine)
	t.Cleanup(func() { testprogram.EndAll(mine) })
	return command
}

func sh(t *testing.T, script string) *exec.Cmd { return launched(t, "sh", "-c", script) }

// outcome runs a command and returns its exit code and what it wrote.
func outcome(t *testing.T, command *exec.Cmd) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	command.Stdout, command.Stderr = &out, &err
	failed := command.Run()
	var exit *exec.ExitError
	if failed != nil && !errors.As(failed, &exit) {
		t.Fatal(failed)
	}
	return command.ProcessState.ExitCode(), out.String(), err.String()
}

func TestExitCodeIsKept(t *testing.T) {
	for script, want := range map[string]int{
		"exit 0": 0, "exit 1": 1, "exit 255": 255,
		"kill -TERM $$": 143, "kill -KILL $$": 137, "kill -ABRT $$": 134,
	} {
		if code, _, stderr := outcome(t, sh(t, script)); code != want {
			t.Errorf("%s: exit code %d, want %d: %s", script, code, want, stderr)
		}
	}
}

func TestArgumentsAndEnvironmentAreExact(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	argv := []string{self, tellWord, "", "a b", "--", "-x", "$(HOME)", "\xff\n'\""}
	kept := []string{"A=1", "A=2", "B=", "=odd", "dotted.name=x", "\xff=\xfe", "PATH=/x"}
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	// Not os/exec: it drops duplicates, which the kernel does not.
	process, err := os.StartProcess(self, append([]string{self}, argv...), &os.ProcAttr{
		Env:   append([]string{"REMOVED=1", "TEST_ROLE=run", "REMOVED=2"}, kept...),
		Files: []*os.File{nil, out, os.Stderr},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := process.Wait(); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("%q\n%q\n", argv[1:], strings.Join(kept, "\x00")+"\x00")
	if got, _ := os.ReadFile(out.Name()); string(got) != want {
		t.Errorf("the program got\n%s\nwant\n%s", got, want)
	}
}

func TestProgramsThatCannotBeRun(t *testing.T) {
	folder := t.TempDir()
	write := func(name, content string, mode os.FileMode) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("plain", "x", 0o644)
	script := write("script", "echo \"$0 $1\"", 0o755)
	orphan := write("orphan", "#!/does/not/exist\n", 0o755)
	for _, c := range []struct {
		argv []string
		code int
		says string
	}{
		{[]string{"does-not-exist"}, 127, "no program does-not-exist in the container's PATH, "},
		{[]string{"/does/not/exist"}, 127, "no program /does/not/exist in the container"},
		{[]string{""}, 127, "begins with an empty word"},
		{[]string{"plain"}, 126, "may not execute " + folder + "/plain"},
		{[]string{folder}, 126, "is a directory"},
		{[]string{orphan}, 127, "interpreter or loader that " + orphan + " names"},
		{[]string{script, "x"}, 0, ""},
	} {
		command := launched(t, c.argv...)
		command.Env = append(command.Env, "PATH="+folder)
		code, stdout, stderr := outcome(t, command)
		if code != c.code || !strings.Contains(stderr, c.says) {
			t.Errorf("%q: exit code %d and %q, want %d and %q", c.argv, code, stderr, c.code, c.says)
		}
		if c.code == 0 && stdout != script+" x\n" {
			t.Errorf("%q wrote %q", c.argv, stdout)
		}
	}
}

// started runs a command until it has written a line.
func started(t *testing.T, command *exec.Cmd) (line string, rest *bytes.Buffer) {
	t.Helper()
	pipe, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	command.Stderr = os.Stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	first := make([]byte, 1)
	for !strings.HasSuffix(line, "\n") {
		if _, err := pipe.Read(first); err != nil {
			t.Fatal(err)
		}
		line += string(first)
	}
	rest = &bytes.Buffer{}
	done := make(chan struct{})
	go func() { defer close(done); _, _ = rest.ReadFrom(pipe) }()
	t.Cleanup(func() { <-done })
	return line, rest
}

func TestSignalsAreForwardedOnce(t *testing.T) {
	for _, number := range []syscall.Signal{1, 2, 3, 10, 12, 15, 28, 35, 64} {
		command := sh(t, fmt.Sprintf("trap 'n=$((n+1)); echo $n >> $LOG; exit 7' %d; echo ready; while :; do sleep 0.01; done", number))
		log := filepath.Join(t.TempDir(), "log")
		command.Env = append(command.Env, "LOG="+log)
		started(t, command)
		if err := command.Process.Signal(number); err != nil {
			t.Fatal(err)
		}
		_ = command.Wait()
		content, _ := os.ReadFile(log)
		if code := command.ProcessState.ExitCode(); code != 7 || string(content) != "1\n" {
			t.Errorf("signal %d: exit code %d, handled %q", number, code, content)
		}
	}
}

func TestASignalToTheProgramsGroupDoesNotComeBack(t *testing.T) {
	// A common end of scripts that have started others.
	code, stdout, _ := outcome(t, sh(t, "trap 'echo once' TERM; kill -TERM 0; echo end; exit 3"))
	if code != 3 || stdout != "once\nend\n" {
		t.Errorf("exit code %d, wrote %q", code, stdout)
	}
}

func TestIgnoredSignalsStayIgnored(t *testing.T) {
	wrapped := sh(t, "kill -HUP $$; kill -INT $$; echo alive")
	command := exec.Command("sh", append([]string{"-c", `trap '' HUP INT; exec "$@"`, "sh", wrapped.Path}, wrapped.Args[1:]...)...)
	command.Env = wrapped.Env
	if code, stdout, _ := outcome(t, command); code != 0 || stdout != "alive\n" {
		t.Errorf("exit code %d, wrote %q", code, stdout)
	}
}

func TestWhatElseIsInherited(t *testing.T) {
	const script = "umask; ulimit -n; ulimit -S -n; pwd; grep -E '^Sig(Blk|Ign)' /proc/self/status; cat"
	bare := exec.Command("sh", "-c", "umask 027; ulimit -S -n 77; cd /tmp; exec sh -c \"$0\"", script)
	wrapped := sh(t, script)
	command := exec.Command("sh", append([]string{"-c", "umask 027; ulimit -S -n 77; cd /tmp; exec \"$@\"", "sh", wrapped.Path}, wrapped.Args[1:]...)...)
	command.Env = wrapped.Env
	bare.Stdin, command.Stdin = strings.NewReader("from stdin"), strings.NewReader("from stdin")
	_, want, _ := outcome(t, bare)
	if _, got, _ := outcome(t, command); got != want {
		t.Errorf("wrapped:\n%s\nbare:\n%s", got, want)
	}
}

func TestCopy(t *testing.T) {
	file := filepath.Join(t.TempDir(), "copy")
	large := strings.Repeat("x", 3<<20)
	for _, c := range []struct{ name, script, want string }{
		{"is whole", "printf %s \"$(head -c 3145728 /dev/zero | tr '\\0' x)\"", large},
		{"is whole though a child keeps standard output", "echo a; sleep 60 & echo b", "a\nb\n"},
		{"keeps what was there", "exit 0", ""},
	} {
		_ = os.Remove(file)
		command := sh(t, c.script)
		command.Env = append(command.Env, "COPY="+file)
		log, err := os.Create(filepath.Join(t.TempDir(), "log"))
		if err != nil {
			t.Fatal(err)
		}
		// A file, not a buffer: os/exec would wait for the child that keeps it.
		command.Stdout = log
		if err := command.Run(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		for _, path := range []string{file, log.Name()} {
			if content, _ := os.ReadFile(path); string(content) != c.want {
				t.Errorf("%s: %s has %d bytes, want %d", c.name, path, len(content), len(c.want))
			}
		}
	}
}

func TestCopyGoesOnWithoutALog(t *testing.T) {
	file := filepath.Join(t.TempDir(), "copy")
	command := sh(t, "for i in 1 2 3; do echo $i; sleep 0.05; done")
	command.Env = append(command.Env, "COPY="+file)
	read, write, _ := os.Pipe()
	_ = read.Close()
	command.Stdout = write
	if err := command.Run(); err != nil {
		t.Fatal(err)
	}
	if content, _ := os.ReadFile(file); string(content) != "1\n2\n3\n" {
		t.Errorf("copied %q", content)
	}
}

func TestCopyThatCannotBeWrittenIsTold(t *testing.T) {
	command := sh(t, "echo x")
	command.Env = append(command.Env, "COPY=/dev/full")
	code, stdout, stderr := outcome(t, command)
	if code != 99 || stdout != "x\n" || !strings.Contains(stderr, "no space left") {
		t.Errorf("exit code %d, %q, %q", code, stdout, stderr)
	}
}

// A step that waits for the container oras was ended with 189 by a SIGCONT.
func TestASignalThatEndsNobodyIsNothingBeforeTheProgram(t *testing.T) {
	for _, harmless := range []syscall.Signal{syscall.SIGCONT, syscall.SIGTSTP, syscall.SIGWINCH, syscall.SIGCHLD, syscall.SIGURG} {
		t.Run(unix.SignalName(harmless), func(t *testing.T) {
			signals := program.Receive()
			defer signals.Close()
			// Go hands over the signal with the lower number first.
			const last = syscall.Signal(40)
			for _, number := range []syscall.Signal{harmless, last} {
				if err := syscall.Kill(os.Getpid(), number); err != nil {
					t.Fatal(err)
				}
			}
			if got := <-signals.Idle(); got != last {
				t.Errorf("%s counts as a signal that ends the program", got)
			}
			if _, got, _ := signals.ForwardTo(nil); got != last {
				t.Errorf("%s keeps the program from being started", got)
			}
		})
	}
}

func TestASignalBeforeTheProgram(t *testing.T) {
	signals := program.Receive()
	defer signals.Close()
	if err := syscall.Kill(os.Getpid(), syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	for {
		_, signal, err := signals.ForwardTo(func() (*program.Running, error) { return nil, errors.New("not yet") })
		if signal == syscall.SIGUSR1 {
			return
		}
		if err == nil {
			t.Fatal("started")
		}
	}
}
