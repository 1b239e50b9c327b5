package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/testprogram"
	"golang.org/x/sys/unix"
)

// The test binary is also the agent.
func TestMain(m *testing.M) {
	if os.Getenv("TEST_ROLE") == "agent" {
		code := run(os.Args[1:])
		tellPeak()
		os.Exit(code)
	}
	useMemory()
	os.Exit(testprogram.Main(m))
}

// endsAtOnce: a program with the race detector sleeps for a second before it ends.
const endsAtOnce = "GORACE=atexit_sleep_ms=0"

// useMemory lets temporary folders be in memory where there is much of it: each Pod of a test gets a copy of this program.
func useMemory() {
	const folder, enough = "/dev/shm", 4 << 30
	var found unix.Statfs_t
	if unix.Statfs(folder, &found) == nil && int64(found.Bavail)*found.Bsize > enough && found.Flags&unix.ST_NOEXEC == 0 {
		_ = os.Setenv("TMPDIR", folder)
	}
}

// startRegistry starts the real registry and returns its host.
func startRegistry(t *testing.T) string {
	t.Helper()
	host, _ := startRegistryIn(t, t.TempDir())
	return host
}

// startRegistryIn starts it on a folder, and returns its log, too.
func startRegistryIn(t testing.TB, folder string, environment ...string) (host string, said *syncBuffer) {
	t.Helper()
	host, said = freeAddress(t), &syncBuffer{}
	command := registryCommand(t, folder, "serve", append(environment, "REGISTRY_HTTP_ADDR="+host)...)
	log, err := command.StderrPipe()
	must(t, err)
	must(t, command.Start())
	up, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		once := sync.Once{}
		for lines := bufio.NewScanner(log); lines.Scan(); {
			_, _ = said.Write(append(lines.Bytes(), '\n'))
			if strings.Contains(lines.Text(), "listening on") {
				once.Do(func() { close(up) })
			}
		}
	}()
	t.Cleanup(func() {
		_ = command.Process.Kill()
		<-ended
		_ = command.Wait()
	})
	select {
	case <-up:
	case <-ended:
		t.Fatal("the registry ended")
	}
	return host, said
}

// registryCommand is a command of the registry on a folder.
func registryCommand(t testing.TB, folder, command string, environment ...string) *exec.Cmd {
	t.Helper()
	config := filepath.Join(folder, "config.yml")
	// Not by a variable, beside which there could be no other storage.
	text := fmt.Sprintf("version: 0.1\nstorage: {filesystem: {rootdirectory: %q}}\nhttp: {}\n", folder)
	must(t, os.WriteFile(config, []byte(text), 0o600))
	found := exec.Command(testprogram.Find(t, "registry-v3*", "registry"), command, config)
	found.Env = append(os.Environ(), "OTEL_TRACES_EXPORTER=none")
	found.Env = append(found.Env, environment...)
	return found
}

// freeAddress is one of the loopback that nobody listens on.
func freeAddress(t testing.TB) string {
	t.Helper()
	return testprogram.FreeAddress(t)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// pod is a Pod as processes on one volume.
type pod struct {
	t           *testing.T
	share, work string
	output      string
	policy      string
	containers  int
	// isProcess1 makes each container a PID namespace of its own, for which one has to be root.
	isProcess1 bool
	// streams says that there is no init container: the container oras streams the inputs.
	streams bool
	inputs  []string
	// pullOptions are those of whoever pulls.
	pullOptions []string
	// environment are variables of all containers.
	environment []string
}

// withoutInit is the root of the tests that run once more with Pods without an init container.
const withoutInit = "TestWithoutAnInitContainer"

func newPod(t *testing.T, output string) *pod {
	return &pod{
		t: t, share: t.TempDir(), work: t.TempDir(), output: output, policy: `{"restart":"Never"}`, containers: 1,
		streams: strings.HasPrefix(t.Name(), withoutInit),
	}
}

// container is a process of the agent.
type container struct {
	*exec.Cmd
	t              *testing.T
	stdout, stderr syncBuffer
	message, peak  string
}

type syncBuffer struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.text.String()
}

func (p *pod) start(arguments ...string) *container {
	p.t.Helper()
	c := p.prepared(arguments...)
	c.launch()
	return c
}

// prepared is a container that is not started yet.
func (p *pod) prepared(arguments ...string) *container {
	p.t.Helper()
	self, err := os.Executable()
	must(p.t, err)
	c := &container{t: p.t, message: filepath.Join(p.t.TempDir(), "message")}
	full := append([]string{arguments[0], "--message-path", c.message}, arguments[1:]...)
	c.Cmd = exec.Command(self, full...)
	c.Dir, c.Stdout, c.Stderr = p.work, &c.stdout, &c.stderr
	c.Env = append(os.Environ(), "TEST_ROLE=agent", endsAtOnce, containerVariable+"="+c.message)
	c.Env = append(c.Env, p.environment...)
	if p.isProcess1 {
		c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	}
	return c
}

func (c *container) launch() {
	c.t.Helper()
	must(c.t, c.Start())
	c.t.Cleanup(func() {
		if c.ProcessState == nil {
			_ = c.Process.Kill()
			_ = c.Wait()
		}
	})
}

// longest is how long a container may take that must not hang.
const longest = 2 * time.Minute

// end waits for a container and returns its exit code and termination message.
func (c *container) end() (int, string) {
	c.t.Helper()
	hangs := time.AfterFunc(longest, func() {
		c.t.Errorf("it hangs\n%s", c.stderr.String())
		_ = c.Process.Kill()
	})
	defer hangs.Stop()
	_ = c.Wait()
	message, _ := os.ReadFile(c.message)
	return c.ProcessState.ExitCode(), string(message)
}

// pull is the init container. Where there is none, the container oras gets its inputs; a step without an output has it,
// too.
func (p *pod) pull(inputs ...string) *container {
	p.t.Helper()
	if p.streams {
		p.inputs = inputs
		if p.output == "" {
			p.serve()
		}
		return p.nothing()
	}
	p.inputs = inputs
	c := p.preparedPull()
	c.launch()
	return c
}

// preparedPull is whoever brings the inputs, not started yet.
func (p *pod) preparedPull() *container {
	p.t.Helper()
	if p.streams {
		return p.preparedServe()
	}
	arguments := []string{"pull", "--share", p.share, "--timeout", "60", "--containers", strconv.Itoa(p.containers)}
	for _, input := range p.inputs {
		arguments = append(arguments, "--input", input)
	}
	if p.output != "" {
		arguments = append(arguments, "--output", p.output)
	}
	return p.prepared(append(arguments, p.pullOptions...)...)
}

// brings runs whoever brings the inputs, and returns how that ended. Where it is not the init container, a program that
// does nothing ends as the container oras does.
func (p *pod) brings(inputs ...string) (code int, message, log string) {
	p.t.Helper()
	if !p.streams {
		pull := p.pull(inputs...)
		code, message = pull.end()
		return code, message, pull.stderr.String()
	}
	p.inputs = inputs
	oras := p.serve()
	// The kubelet starts no other container before this hook is over. On the volume may be what an oras left that ended.
	wants(p.t, p.start("ready", "--share="+p.share), 0, "")
	step := p.program("echo ran", "--input-path", p.t.TempDir())
	code, message = step.end()
	if ran := step.stdout.String() != ""; ran != (code == 0) {
		p.t.Errorf("exit code %d, and the program wrote %q", code, step.stdout.String())
	}
	if code != 0 {
		wants(p.t, oras, code, message)
	}
	return code, message, oras.stderr.String()
}

// cannotBring wants that the inputs fail, or what else is found out before the program.
func (p *pod) cannotBring(code int, says string, inputs ...string) {
	p.t.Helper()
	if got, message, log := p.brings(inputs...); got != code || !strings.Contains(message, says) {
		p.t.Errorf("exit code %d and %q, want %d and %q\n%s", got, message, code, says, log)
	}
}

// launched starts a container that is prepared.
func (p *pod) launched(c *container) *container {
	p.t.Helper()
	c.launch()
	return c
}

// nothing is a container that ends at once.
func (p *pod) nothing() *container {
	p.t.Helper()
	c := &container{Cmd: exec.Command("true"), t: p.t}
	c.launch()
	return c
}

// serve is the container oras of a Pod without an init container.
func (p *pod) serve(options ...string) *container {
	p.t.Helper()
	c := p.preparedServe(options...)
	c.launch()
	return c
}

func (p *pod) preparedServe(options ...string) *container {
	p.t.Helper()
	arguments := append([]string{"serve", "--share=" + p.share, "--timeout=60"}, append(p.pullOptions, options...)...)
	if p.output != "" {
		arguments = append(arguments, "--output="+p.output)
	}
	for _, input := range p.inputs {
		arguments = append(arguments, "--input="+input)
	}
	for range p.containers {
		arguments = append(arguments, "--policy="+p.policy)
	}
	return p.prepared(arguments...)
}

// push is the container oras.
func (p *pod) push(options ...string) *container {
	p.t.Helper()
	if p.streams {
		return p.serve(options...)
	}
	arguments := append([]string{"push", "--share=" + p.share, "--output", p.output, "--timeout", "60"}, options...)
	for range p.containers {
		arguments = append(arguments, "--policy="+p.policy)
	}
	return p.start(arguments...)
}

func (p *pod) program(script string, options ...string) *container {
	return p.exec([]string{"sh", "-c", script}, options...)
}

// exec is the first wrapped container.
func (p *pod) exec(argv []string, options ...string) *container {
	p.t.Helper()
	c := p.wrapped(0, argv, options...)
	c.launch()
	return c
}

// wrapped is a wrapped container by its number, not started yet.
func (p *pod) wrapped(number int, argv []string, options ...string) *container {
	p.t.Helper()
	arguments := append([]string{"exec", "--share=" + filepath.Join(p.share, strconv.Itoa(number))}, options...)
	if p.output != "" {
		arguments = append(arguments, "--pushes")
	}
	if p.streams {
		arguments = append(arguments, "--streams")
	}
	return p.prepared(append(append(arguments, "--"), argv...)...)
}

func wants(t *testing.T, c *container, code int, says string) {
	t.Helper()
	got, message := c.end()
	if got != code || !strings.Contains(message, says) {
		t.Fatalf("exit code %d and %q, want %d and %q\n%s", got, message, code, says, c.stderr.String())
	}
}

// until waits for a condition. A mirror that was refused looks again after half a minute.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(longest); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func TestAnOutputIsTheNextStepsInput(t *testing.T) {
	first := "http://" + startRegistry(t) + "/runs/first:1"
	one := newPod(t, first)
	wants(t, one.pull(), 0, "")
	oras := one.push()
	wants(t, one.program("mkdir -p out/sub; echo hello > out/sub/a; echo told", "--output-path", "out"), 0, "")
	wants(t, oras, 0, `"artifact":"`+strings.TrimPrefix(first, "http://")+`"`)

	two := newPod(t, "")
	wants(t, two.pull(first), 0, "")
	place := t.TempDir()
	step := two.program("cat "+place+"/out/sub/a", "--input-path", place)
	wants(t, step, 0, "")
	if got := step.stdout.String(); got != "hello\n" {
		t.Errorf("the program read %q", got)
	}
	if left, _ := filepath.Glob(filepath.Join(two.share, "0/inputs/0-*")); len(left) > 0 {
		t.Errorf("%v are there twice", left)
	}
}

func TestTheProgramNeedNotWaitForOras(t *testing.T) {
	p := newPod(t, "http://"+startRegistry(t)+"/late:1")
	wants(t, p.pull(), 0, "")
	done := filepath.Join(p.work, "done")
	step := p.program("echo x > out; touch "+done, "--output-path", "out")
	until(t, "the program's end", func() bool { _, err := os.Stat(done); return err == nil })
	oras := p.push()
	wants(t, step, 0, "")
	wants(t, oras, 0, `"digest":"sha256:`)
}

func TestNothingIsPushedOfAFailure(t *testing.T) {
	host := startRegistry(t)
	for name, c := range map[string]struct {
		script string
		kill   syscall.Signal
		code   int
		oras   int
		says   string
	}{
		"exits":         {script: "echo x > out; exit 3", code: 3, says: "exit code 3"},
		"leaves no out": {script: "true", code: 189, says: "nothing pushed: "},
		"is killed":     {script: "echo x > out; touch running; exec sleep 10", kill: syscall.SIGKILL, code: -1, says: "it was killed"},
		"is stopped":    {script: "echo x > out; touch running; exec sleep 10", kill: syscall.SIGTERM, code: 143, says: "exit code 143"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPod(t, "http://"+host+"/"+strings.ReplaceAll(name, " ", "-")+":1")
			wants(t, p.pull(), 0, "")
			oras := p.push()
			step := p.program(c.script, "--output-path", "out")
			if c.kill != 0 {
				until(t, "the program and oras", func() bool {
					_, err := os.Stat(filepath.Join(p.work, "running"))
					return err == nil && strings.Contains(oras.stderr.String(), "runs")
				})
				must(t, step.Process.Signal(c.kill))
			}
			code, _ := step.end()
			if code != c.code {
				t.Errorf("exit code %d, want %d: %s", code, c.code, step.stderr.String())
			}
			wants(t, oras, c.oras, c.says)
		})
	}
}

func TestARestartedOrasPushesWithoutTheProgram(t *testing.T) {
	host := startRegistry(t)
	p := newPod(t, "http://"+host+"/again:1")
	p.policy = `{"restart":"OnFailure"}`
	wants(t, p.pull(), 0, "")
	// The first life can push nothing.
	p.output = faulty(t, host, answers(http.MethodPut, "/", 503)) + "/again:1"
	first := p.push("--timeout=3")
	wants(t, p.program("echo x >> out", "--output-path", "out", "--oras-comes-back"), 0, "")
	code, message := first.end()
	if code != 190 || !strings.Contains(message, "503 MADE_UP") {
		t.Fatalf("exit code %d, %q", code, message)
	}
	p.output = "http://" + host + "/again:1"
	wants(t, p.push(), 0, `"bytes":2`)
}

func TestAKilledOrasIsMetAgain(t *testing.T) {
	p := newPod(t, "http://"+startRegistry(t)+"/killed:1")
	wants(t, p.pull(), 0, "")
	first := p.push()
	step := p.program("echo run >> runs; echo x > out; until [ -e go ]; do sleep 0.01; done", "--output-path", "out", "--oras-comes-back")
	until(t, "oras to know that the program runs", func() bool { return strings.Contains(first.stderr.String(), "runs") })
	first.kill()
	second := p.push()
	must(t, os.WriteFile(filepath.Join(p.work, "go"), nil, 0o600))
	wants(t, step, 0, "")
	wants(t, second, 0, `"digest"`)
	if runs, _ := os.ReadFile(filepath.Join(p.work, "runs")); string(runs) != "run\n" {
		t.Errorf("the program ran %q", runs)
	}
}

func TestInputsThatCannotBeHad(t *testing.T) {
	host := startRegistry(t)
	newPod(t, "").cannotBring(181, "no/such:1", "http://"+host+"/no/such:1")
	p := newPod(t, "")
	p.pullOptions = []string{"--timeout=3"}
	p.cannotBring(183, "127.0.0.1:1", "http://127.0.0.1:1/no/such:1")
}

func TestACopyOfStandardOutputIsTheOutput(t *testing.T) {
	host := startRegistry(t)
	p := newPod(t, "http://"+host+"/pipe:1")
	wants(t, p.pull(), 0, "")
	oras := p.push()
	step := p.program("echo told", "--output-path", "log.txt", "--output-pipe", "log.txt")
	wants(t, step, 0, "")
	wants(t, oras, 0, `"bytes":`+strconv.Itoa(len("told\n")))
	if step.stdout.String() != "told\n" {
		t.Errorf("the log has %q", step.stdout.String())
	}
}

func TestTheOperatorsVolumeIsNoOutput(t *testing.T) {
	p := newPod(t, "http://"+startRegistry(t)+"/own:1")
	p.share = filepath.Join(p.work, "mnt")
	must(t, os.Mkdir(p.share, 0o755))
	wants(t, p.pull(), 0, "")
	oras := p.push()
	step := p.program("echo x > out", "--output-path", ".")
	wants(t, step, 0, "")
	wants(t, oras, 0, `"digest"`)
	if !strings.Contains(step.stderr.String(), "mnt/0, the operator's volume") {
		t.Errorf("says %s", step.stderr.String())
	}
}
