package main

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/converged-computing/oras-operator/agent/internal/protocol"
)

const (
	onFailure = `{"restart":"OnFailure"}`
	always    = `{"restart":"Always"}`
)

// says waits until a container has written a text to its log.
func (c *container) says(text string) {
	c.t.Helper()
	until(c.t, "it to say "+text, func() bool { return strings.Contains(c.stderr.String()+c.stdout.String(), text) })
}

func (p *pod) makeFile(name string) {
	p.t.Helper()
	must(p.t, os.WriteFile(filepath.Join(p.work, name), nil, 0o600))
}

// waitsForGo is a program that ends when the file "go" is there.
const waitsForGo = "echo running; until [ -e go ]; do sleep 0.01; done; "

func hasContent(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Size() > 0
}

// The output is longer than what sockets buffer, so that oras is killed in the middle of it.
func TestOrasIsKilledWhileItTakesTheOutput(t *testing.T) {
	t.Parallel()
	registry := newCache(t)
	const size = 40_000_000
	for output, file := range map[string]string{"x": "x", "d": "d/x", ".": "d/x"} {
		t.Run(output, func(t *testing.T) {
			t.Parallel()
			p := newPod(t, registry.artifact())
			p.policy = onFailure
			wants(t, p.pull(), 0, "")
			first := p.push()
			step := p.program("echo run >> runs; mkdir -p d; head -c 40000000 /dev/urandom > "+file, "--output-path", output, "--oras-comes-back")
			until(t, "a part of the output", func() bool { return hasContent(filepath.Join(p.share, "parts/0/blob")) })
			first.kill()
			second := p.push()
			wants(t, step, 0, "")
			wants(t, second, 0, `"digest"`)
			if contentOf(t, p.work, "runs") != "run\n" {
				t.Error("the program ran again")
			}
			got := contentOf(t, stockPull(t, p.output), file)
			if len(got) != size || got != contentOf(t, p.work, file) {
				t.Errorf("%d bytes arrived", len(got))
			}
		})
	}
	t.Run("under Never", func(t *testing.T) {
		t.Parallel()
		p := newPod(t, registry.artifact())
		wants(t, p.pull(), 0, "")
		oras := p.push()
		step := p.program("head -c 40000000 /dev/urandom > x", "--output-path", "x")
		until(t, "a part of the output", func() bool { return hasContent(filepath.Join(p.share, "parts/0/blob")) })
		oras.kill()
		if p.streams {
			// It has rules that restart it.
			second := p.push()
			wants(t, step, 0, "")
			wants(t, second, 0, `"digest"`)
			return
		}
		wants(t, step, 189, "could not be handed over")
	})
}

func TestOrasIsKilledUnderNeverWhileTheProgramRuns(t *testing.T) {
	t.Parallel()
	p := newPod(t, "http://"+startRegistry(t)+"/killed/never:1")
	wants(t, p.pull(), 0, "")
	oras := p.push()
	step := p.program(waitsForGo+"echo y > x", "--output-path", "x")
	oras.says("runs")
	oras.kill()
	p.makeFile("go")
	// At once, not at a deadline.
	wants(t, step, 189, "nothing starts it again")
}

// Killed after it kept the output, before it said so: the next life says it, and the program has run once.
func TestOrasIsKilledBeforeItReleases(t *testing.T) {
	t.Parallel()
	p := newPod(t, "http://"+startRegistry(t)+"/killed/kept:1")
	p.policy = onFailure
	wants(t, p.pull(), 0, "")
	listener, err := net.Listen("unix", filepath.Join(p.share, "0/socket"))
	must(t, err)
	step := p.program("echo run >> runs; echo kept > x", "--output-path", "x", "--oras-comes-back")
	conn, err := listener.Accept()
	must(t, err)
	reader, writer := protocol.NewReader(conn), protocol.NewWriter(conn)
	kind, payload, err := reader.Frame()
	must(t, err)
	hello, err := protocol.Decode[protocol.Greeting](kind, payload)
	must(t, err)
	must(t, writer.Message(protocol.Welcome, protocol.Greeting{Protocol: protocol.Version}))
	must(t, writer.Message(protocol.Run, nil))
	for kind != protocol.Output {
		kind, _, err = reader.Frame()
		must(t, err)
	}
	content, err := io.ReadAll(reader.Content())
	must(t, err)
	kept := filepath.Join(p.share, "parts/0")
	must(t, os.MkdirAll(kept, 0o700))
	must(t, os.WriteFile(filepath.Join(kept, "blob"), content, 0o600))
	sum := map[string]any{"Digest": digestOf(content), "Size": len(content)}
	text, err := json.Marshal(map[string]any{
		"result": map[string]any{"attempt": hello.Attempt, "code": 0, "hasPart": true},
		"part":   map[string]any{"Title": "x", "Mode": 0o644, "Result": map[string]any{"Content": sum, "Blob": sum}},
	})
	must(t, err)
	must(t, os.WriteFile(filepath.Join(kept, "result.json"), text, 0o600))
	must(t, os.WriteFile(filepath.Join(p.share, "0/taken"), []byte(hello.Attempt), 0o644))
	// The next life is over before the launcher connects again.
	must(t, step.Process.Signal(syscall.SIGSTOP))
	must(t, conn.Close())
	must(t, listener.Close())
	wants(t, p.push(), 0, `"digest"`)
	must(t, step.Process.Signal(syscall.SIGCONT))
	wants(t, step, 0, "")
	if got := contentOf(t, stockPull(t, p.output), "x"); got != "kept\n" || contentOf(t, p.work, "runs") != "run\n" {
		t.Errorf("pushed %q", got)
	}
}

// between is a registry behind a proxy of ours, which may do something before or instead of an answer.
func between(t *testing.T, host string, handle func(w http.ResponseWriter, r *http.Request, forward http.Handler)) string {
	t.Helper()
	target := &url.URL{Scheme: "http", Host: host}
	forward := &httputil.ReverseProxy{
		Rewrite:      func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handle(w, r, forward) }))
	t.Cleanup(server.Close)
	return server.URL
}

// Killed when the artifact is in the registry and before it knows: it pushes the same again.
func TestOrasIsKilledAfterItPushed(t *testing.T) {
	t.Parallel()
	host := startRegistry(t)
	var oras atomic.Pointer[container]
	url := between(t, host, func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
		if first := oras.Load(); r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/manifests/") && first != nil {
			forward.ServeHTTP(httptest.NewRecorder(), r)
			oras.Store(nil)
			_ = first.Process.Kill()
			return
		}
		forward.ServeHTTP(w, r)
	})
	p := newPod(t, url+"/killed/pushed:1")
	p.policy = onFailure
	wants(t, p.pull(), 0, "")
	first := p.push()
	oras.Store(first)
	wants(t, p.program("echo kept > x", "--output-path", "x", "--oras-comes-back"), 0, "")
	if code, _ := first.end(); code != -1 {
		t.Errorf("exit code %d", code)
	}
	digest := digestOfTag(t, "http://"+host+"/killed/pushed:1")
	wants(t, p.push(), 0, digest)
}

func TestAKeptOutputThatIsGoneIsTold(t *testing.T) {
	t.Parallel()
	host := startRegistry(t)
	for name, c := range map[string]struct {
		spoil func(blob string) error
		says  string
	}{
		"gone":    {os.Remove, "cannot be read"},
		"cut":     {func(blob string) error { return os.Truncate(blob, 3) }, "5 bytes are now 3"},
		"changed": {func(blob string) error { return os.WriteFile(blob, []byte("other"), 0o600) }, "digest"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPod(t, faulty(t, host, answers(http.MethodPut, "/", 503))+"/kept/"+name+":1")
			p.policy = onFailure
			must(t, os.MkdirAll(filepath.Join(p.share, "0"), 0o755))
			first := p.push("--timeout=60")
			wants(t, p.program("echo kept > x", "--output-path", "x", "--oras-comes-back"), 0, "")
			first.says("trying again")
			first.kill()
			must(t, c.spoil(filepath.Join(p.share, "parts/0/blob")))
			p.output = "http://" + host + "/kept/" + name + ":1"
			code, message := p.push().end()
			if code != 190 || !strings.Contains(message, c.says) || isPushed(t, p.output) {
				t.Errorf("exit code %d, %q", code, message)
			}
		})
	}
}

// The first attempt's output cannot be kept; it fails at once, and the next one is heard.
func TestAnOutputThatCannotBeKept(t *testing.T) {
	t.Parallel()
	registry := newCache(t)
	for name, script := range map[string]string{
		"large": "head -c 1000000 /dev/zero > x", "small": "echo x > x", "directory": "mkdir -p x; echo grapefruit > x/y",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPod(t, registry.artifact())
			p.policy = onFailure
			wants(t, p.pull(), 0, "")
			blob := filepath.Join(p.share, "parts/0/blob")
			must(t, os.MkdirAll(filepath.Join(blob, "in the way"), 0o755))
			oras := p.push()
			wants(t, p.program(script, "--output-path", "x", "--oras-comes-back"), 189, "could not keep it")
			must(t, os.RemoveAll(blob))
			wants(t, p.program(script, "--output-path", "x", "--oras-comes-back"), 0, "")
			wants(t, oras, 0, `"digest"`)
			stockPull(t, p.output)
		})
	}
}

func TestUnderOnFailureTheNextAttemptIsWaitedFor(t *testing.T) {
	t.Parallel()
	p := newPod(t, "http://"+startRegistry(t)+"/next:1")
	p.policy = onFailure
	wants(t, p.pull(), 0, "")
	oras := p.push()
	for _, script := range []string{"false", "echo half > x; exit 2"} {
		if code, _ := p.program(script, "--output-path", "x", "--oras-comes-back").end(); code == 0 {
			t.Error("success")
		}
	}
	// What the attempts before wrote is read by then.
	oras.says("exit code 2")
	before := strings.Count(oras.stderr.String(), "runs")
	killed := p.program("echo killed > x; "+waitsForGo, "--output-path", "x", "--oras-comes-back")
	until(t, "oras to see it", func() bool { return strings.Count(oras.stderr.String(), "runs") > before })
	killed.kill()
	oras.says("it was killed; nothing was pushed; waiting")
	p.makeFile("go")
	wants(t, p.program("echo last > x", "--output-path", "x", "--oras-comes-back"), 0, "")
	wants(t, oras, 0, `"digest"`)
	if got := contentOf(t, stockPull(t, p.output), "x"); got != "last\n" {
		t.Errorf("pushed %q", got)
	}
}

// FAULTS A: a container that its rules start again under Never, one of a restarted Pod, one whose image was changed.
func TestEveryRestartIsANewAttempt(t *testing.T) {
	t.Parallel()
	registry := newCache(t)
	for name, c := range map[string]struct {
		policy string
		first  int
	}{
		"inj-03, by a rule":           {`{"restart":"Never","rules":[{"codes":[42]}]}`, 42},
		"a rule for all but some":     {`{"restart":"Never","rules":[{"codes":[0,3],"except":true}]}`, 7},
		"inj-04, all containers":      {`{"restart":"Never","rules":[{"codes":[42],"all":true}]}`, 42},
		"all containers, on success":  {`{"restart":"Never","rules":[{"codes":[0],"all":true}]}`, 0},
		"after a success, for Always": {always, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPod(t, registry.artifact())
			p.policy = c.policy
			wants(t, p.pull(), 0, "")
			oras := p.push()
			first := p.program("echo one > x; exit "+strconv.Itoa(c.first), "--output-path", "x", "--oras-comes-back")
			wants(t, first, c.first, "")
			oras.says("restarted")
			wants(t, p.program("echo two > x; exit 3", "--output-path", "x"), 3, "")
			if c.policy != always {
				wants(t, oras, 0, "exit code 3")
				return
			}
			wants(t, p.program("echo three > x", "--output-path", "x", "--oras-comes-back"), 0, "")
			until(t, "the third push", func() bool {
				return strings.Count(oras.stderr.String(), "pushed http")+strings.Count(oras.stderr.String(), "pushed 127") > 1
			})
			if got := contentOf(t, stockPull(t, p.output), "x"); got != "three\n" {
				t.Errorf("pushed %q", got)
			}
		})
	}
}

// A round that begins while the one before is pushed is heard afterwards.
func TestARoundThatBeginsDuringAPush(t *testing.T) {
	t.Parallel()
	host := startRegistry(t)
	hold := make(chan struct{})
	var holds atomic.Bool
	holds.Store(true)
	url := between(t, host, func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/manifests/") && holds.Swap(false) {
			<-hold
		}
		forward.ServeHTTP(w, r)
	})
	letGo := sync.OnceFunc(func() { close(hold) })
	t.Cleanup(letGo)
	p := newPod(t, url+"/rounds:1")
	p.policy = always
	wants(t, p.pull(), 0, "")
	oras := p.push("--timeout", "60")
	wants(t, p.program("mkdir -p d; echo first > d/x", "--output-path", "d", "--oras-comes-back"), 0, "")
	oras.says("pushing")
	second := p.program("mkdir -p d; echo second > d/x; echo ran", "--output-path", "d", "--oras-comes-back")
	if !p.streams {
		second.says("ran")
	}
	letGo()
	wants(t, second, 0, "")
	until(t, "the second push", func() bool { return strings.Count(oras.stderr.String(), "oras: pushed") == 2 })
	if got := contentOf(t, stockPull(t, p.output), "d/x"); got != "second\n" {
		t.Errorf("pushed %q", got)
	}
}

// A Pod that is deleted: the kubelet sends SIGTERM to all containers at once.
func TestDeletion(t *testing.T) {
	t.Parallel()
	registry := newCache(t)
	both := func(t *testing.T, containers ...*container) {
		for _, c := range containers {
			must(t, c.Process.Signal(syscall.SIGTERM))
		}
	}
	for name, policy := range map[string]string{"Never": `{"restart":"Never"}`, "OnFailure": onFailure, "Always": always} {
		t.Run("the output of a program that ends with success is pushed, "+name, func(t *testing.T) {
			t.Parallel()
			p := newPod(t, registry.artifact())
			p.policy = policy
			wants(t, p.pull(), 0, "")
			oras := p.push()
			step := p.program("trap 'echo got it; exit 0' TERM; echo ready; while :; do sleep 0.01; done", "--output-path", "log", "--output-pipe", "log")
			step.says("ready")
			oras.says("runs")
			both(t, step, oras)
			wants(t, step, 0, "")
			wants(t, oras, 0, `"digest"`)
			if got := contentOf(t, stockPull(t, p.output), "log"); got != "ready\ngot it\n" || step.stdout.String() != got {
				t.Errorf("pushed %q, the log has %q", got, step.stdout.String())
			}
		})
	}
	for policy, code := range map[string]int{`{"restart":"Never"}`: 0, onFailure: 143} {
		t.Run("a restart that will not come is not waited for, "+policy, func(t *testing.T) {
			t.Parallel()
			p := newPod(t, registry.artifact())
			p.policy = policy
			wants(t, p.pull(), 0, "")
			oras := p.push()
			step := p.program("trap 'exit 5' TERM; echo ready; while :; do sleep 0.01; done", "--output-path", "x")
			step.says("ready")
			oras.says("runs")
			both(t, oras)
			oras.says("SIGTERM")
			both(t, step)
			wants(t, step, 5, "")
			// Where the Pod was not deleted after all, the kubelet starts oras again.
			wants(t, oras, code, "exit code 5")
		})
	}
	t.Run("a program that ran before oras has its output pushed", func(t *testing.T) {
		t.Parallel()
		p := newPod(t, registry.artifact())
		if p.streams {
			t.Skip("without an init container no program runs before oras")
		}
		wants(t, p.pull(), 0, "")
		step := p.program("trap 'echo saved > out; exit 0' TERM; echo ready; while :; do sleep 0.01; done", "--output-path", "out")
		step.says("ready")
		// It connects when it is continued.
		must(t, step.Process.Signal(syscall.SIGSTOP))
		oras := p.push()
		until(t, "oras to listen", func() bool { _, err := os.Stat(filepath.Join(p.share, "0/socket")); return err == nil })
		both(t, oras)
		oras.says("SIGTERM")
		both(t, step)
		must(t, step.Process.Signal(syscall.SIGCONT))
		wants(t, step, 0, "")
		wants(t, oras, 0, `"digest"`)
	})
	t.Run("before any program oras ends, and not with success", func(t *testing.T) {
		t.Parallel()
		for _, containers := range []int{1, 2} {
			p := newPod(t, registry.artifact())
			p.containers = containers
			wants(t, p.pull(), 0, "")
			oras := p.push()
			until(t, "oras to listen", func() bool {
				_, err := os.Stat(filepath.Join(p.share, strconv.Itoa(containers-1), "socket"))
				return err == nil
			})
			both(t, oras)
			wants(t, oras, 143, "the Pod was deleted")
		}
	})
	t.Run("before its program starts it is never started", func(t *testing.T) {
		t.Parallel()
		input := registry.artifact()
		makes(t, input, "mkdir d; head -c 300000000 /dev/zero > d/large", "--output-path", "d")
		p := newPod(t, "")
		wants(t, p.pull(input), 0, "")
		place := t.TempDir()
		step := p.program("echo ran", "--input-path", place)
		until(t, "unpacking to begin", func() bool { found, _ := filepath.Glob(place + "/.oras-partial-*"); return len(found) > 0 })
		both(t, step)
		code, message := step.end()
		if left, _ := os.ReadDir(place); code != 143 || step.stdout.String() != "" || len(left) > 0 {
			t.Errorf("exit code %d, %q, left %v", code, message, left)
		}
	})
}

// A container whose image is changed is sent SIGTERM, and started again whatever it ends with: also when its end was the
// end of the step, after which no launcher comes.
func TestALifeAfterTheEndOfTheStep(t *testing.T) {
	t.Parallel()
	registry := newCache(t)
	for script, code := range map[string]int{"echo kept > x": 0, "exit 3": 3, "kill -9 $PPID": -1} {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			p := newPod(t, registry.artifact())
			wants(t, p.pull(), 0, "")
			first := p.push()
			step := p.program(waitsForGo+script, "--output-path", "x")
			first.says("runs")
			must(t, first.Process.Signal(syscall.SIGTERM))
			first.says("SIGTERM")
			p.makeFile("go")
			if found, _ := step.end(); found != code {
				t.Errorf("exit code %d", found)
			}
			ended, message := first.end()
			wants(t, p.push(), ended, message)
		})
	}
	t.Run("but not of one that may go on", func(t *testing.T) {
		t.Parallel()
		p := newPod(t, registry.artifact())
		p.policy = onFailure
		wants(t, p.pull(), 0, "")
		first := p.push()
		step := p.program(waitsForGo+"exit 3", "--output-path", "x", "--oras-comes-back")
		first.says("runs")
		must(t, first.Process.Signal(syscall.SIGTERM))
		first.says("SIGTERM")
		p.makeFile("go")
		wants(t, step, 3, "")
		wants(t, first, 143, "exit code 3")
		second := p.push()
		wants(t, p.program("echo second > x", "--output-path", "x", "--oras-comes-back"), 0, "")
		wants(t, second, 0, `"digest"`)
	})
}

// What fails before the program is known to an oras that starts after it.
func TestAFailureBeforeTheProgramIsHeardLater(t *testing.T) {
	t.Parallel()
	p := newPod(t, "http://"+startRegistry(t)+"/before:1")
	wants(t, p.pull(), 0, "")
	step := p.program("echo ran", "--output-path", "/etc/passwd/x")
	step.says("waiting for the container oras")
	oras := p.push()
	wants(t, step, 187, "/etc/passwd")
	wants(t, oras, 0, "failed with exit code 187 before its program")
	if step.stdout.String() != "" {
		t.Error("the program ran")
	}
}
