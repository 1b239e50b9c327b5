package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/contract"
	"github.com/converged-computing/oras-operator/agent/internal/share"
)

// waiting is a Pod whose inputs may come later; decided is the Pod's annotation with what was decided on each.
func waiting(t *testing.T, decided string, options ...string) *pod {
	p := newPod(t, "")
	p.pullOptions = append([]string{"--wait-for-inputs"}, options...)
	p.environment = []string{contract.InputDigestsVariable + "=" + decided}
	return p
}

// waits starts whoever brings the inputs and, where that is the container oras, a program that waits for it. The first ends
// when the inputs are there, and writes the log; the last is the program, or nil where it is not started yet.
func (p *pod) waits(inputs ...string) (bringing, program *container) {
	p.t.Helper()
	p.inputs = inputs
	if !p.streams {
		return p.launched(p.preparedPull()), nil
	}
	bringing = p.serve()
	wants(p.t, p.start("ready", "--share="+p.share), 0, "")
	return bringing, p.program("cat *", "--input-path", p.work)
}

func (c *container) saysSo(text string) {
	c.t.Helper()
	until(c.t, text, func() bool { return strings.Contains(c.stderr.String(), text) })
}

func (p *pod) wantsInputs(bringing, program *container, content string) {
	p.t.Helper()
	wants(p.t, bringing, 0, "")
	if program == nil {
		program = p.program("cat *", "--input-path", p.work)
	}
	wants(p.t, program, 0, "")
	if got := program.stdout.String(); got != content {
		p.t.Errorf("the program read %q, want %q", got, content)
	}
}

func TestInputsAreWaitedForTogether(t *testing.T) {
	t.Parallel()
	registry := newCache(t)
	there, late, later := registry.artifact(), registry.artifact(), registry.artifact()
	makes(t, there, "echo there > a", "--output-path", "a")
	p := waiting(t, "")
	oras, program := p.waits(there, late, later)
	oras.saysSo("for input 3")
	oras.saysSo("waiting as long as it takes for input 2, " + strings.TrimPrefix(late, "http://"))
	makes(t, late, "echo late > b", "--output-path", "b")
	makes(t, later, "echo later > c", "--output-path", "c")
	p.wantsInputs(oras, program, "there\nlate\nlater\n")
	if said := oras.stderr.String(); strings.Count(said, "waiting as long") != 2 || !strings.Contains(said, "all inputs are there after ") {
		t.Errorf("says %s", said)
	}
	if _, err := os.Stat(share.Root(p.share).Waiting()); err == nil {
		t.Error("a later round would not wait for as long")
	}
	p = waiting(t, "tag,wait,wait")
	oras, program = p.waits(there, late, later)
	p.wantsInputs(oras, program, "there\nlate\nlater\n")
}

func TestAnInputThatNeverComes(t *testing.T) {
	t.Parallel()
	registry := newCache(t)
	there, never, neither := registry.artifact(), registry.artifact(), registry.artifact()
	makes(t, there, "echo there > a", "--output-path", "a")
	p := waiting(t, "", "--wait-timeout=2")
	begun := time.Now()
	code, message, log := p.brings(there, never, neither)
	if code != contract.ExitInputNeverCame || time.Since(begun) < 2*time.Second {
		t.Errorf("exit code %d after %s\n%s", code, time.Since(begun), log)
	}
	for _, part := range []string{
		"waited 2s (" + contract.WaitTimeoutAnnotation + ")", "input 2, " + strings.TrimPrefix(never, "http://"),
		"input 3, " + strings.TrimPrefix(neither, "http://"), "of input 2: the registry has no repository",
	} {
		if !strings.Contains(message, part) {
			t.Errorf("says %q, and not %q", message, part)
		}
	}
	if strings.Contains(message, "input 1") {
		t.Errorf("says %q", message)
	}
	// Another life goes on waiting, and the time is over: it looks once.
	if err := os.Remove(share.Root(p.share).Concluded()); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	begun = time.Now()
	if code, message, _ = p.brings(there, never, neither); code != contract.ExitInputNeverCame || time.Since(begun) > time.Minute {
		t.Errorf("exit code %d, %q", code, message)
	}
	makes(t, never, "echo b > b", "--output-path", "b")
	makes(t, neither, "echo c > c", "--output-path", "c")
	if err := os.Remove(share.Root(p.share).Concluded()); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if code, message, _ = p.brings(there, never, neither); code != 0 {
		t.Errorf("exit code %d, %q: what came meanwhile was not looked at", code, message)
	}
}

func TestAPinIsPulledAfterTheTagMoved(t *testing.T) {
	t.Parallel()
	input := newCache(t).artifact()
	makes(t, input, "echo old > x", "--output-path", "x")
	digest := digestOfTag(t, input)
	makes(t, input, "echo new > x", "--output-path", "x")
	for decided, content := range map[string]string{digest: "old\n", "tag": "new\n", "wait": "new\n", "": "new\n"} {
		p := waiting(t, decided)
		oras, program := p.waits(input)
		p.wantsInputs(oras, program, content)
	}
	// Without --wait-for-inputs nobody has decided anything.
	p := waiting(t, digest)
	p.pullOptions = nil
	oras, program := p.waits(input)
	p.wantsInputs(oras, program, "new\n")
}

func TestWhatIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	registry := newCache(t)
	input, absent := registry.artifact(), registry.artifact()
	makes(t, input, "echo x > x", "--output-path", "x")
	digest := digestOfTag(t, input)
	const other = "sha256:0123456789012345678901234567890123456789012345678901234567890123"
	denied := faulty(t, registry.host, answers(http.MethodGet, "/manifests/", 401))
	var looks atomic.Int32
	deniedLater := faulty(t, registry.host, func(w http.ResponseWriter, r *http.Request) bool {
		return strings.Contains(r.URL.Path, "/manifests/") && looks.Add(1) > 1 && answers(r.Method, "/manifests/", 403)(w, r)
	})
	var asked atomic.Int32
	unavailable := faulty(t, registry.host, func(w http.ResponseWriter, r *http.Request) bool {
		return r.Method == http.MethodHead && asked.Add(1) > 0 && answers(http.MethodHead, "/manifests/", 503)(w, r)
	})
	const path = "/steps/never:1"
	for name, c := range map[string]struct {
		decided, input string
		code           int
		says           []string
	}{
		"what is not decided to be":       {"tag", absent, contract.ExitInputNotFound, []string{"pull of "}},
		"a pin that is gone":              {other, input, contract.ExitInputNotFound, []string{"no artifact of this digest"}},
		"denied":                          {"", denied + path, contract.ExitDenied, []string{"401 MADE_UP"}},
		"denied later":                    {"", deniedLater + path, contract.ExitDenied, []string{"403 MADE_UP"}},
		"a registry that does not answer": {"wait", "http://127.0.0.1:1/no/such:1", contract.ExitRegistryUnavailable, []string{"127.0.0.1:1"}},
		"a registry that ceases to":       {"", unavailable + path, contract.ExitRegistryUnavailable, []string{"503"}},
		"too many words":                  {"tag,tag", input, contract.ExitSetupFailed, []string{contract.InputDigestsAnnotation, "found 2 words", "1 inputs"}},
		"another word":                    {"never", input, contract.ExitSetupFailed, []string{contract.InputDigestsAnnotation, `"never"`, "sha256:"}},
		"another digest than its own":     {other, input + "@" + digest, contract.ExitSetupFailed, []string{contract.InputDigestsAnnotation, digest}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := waiting(t, c.decided, "--timeout=2", "--wait-timeout=60")
			code, message, log := p.brings(c.input)
			if code != c.code {
				t.Errorf("exit code %d, %q, want %d\n%s", code, message, c.code, log)
			}
			for _, part := range c.says {
				if !strings.Contains(message, part) {
					t.Errorf("says %q, and not %q", message, part)
				}
			}
		})
	}
}

func TestAnOutputThatIsRefusedIsKnownBeforeTheWait(t *testing.T) {
	t.Parallel()
	registry := newCache(t)
	p := waiting(t, "")
	p.output = faulty(t, registry.host, answers(http.MethodPost, "/blobs/uploads/", 403)) + "/steps/refused:1"
	p.cannotBring(contract.ExitDenied, "push to ", registry.artifact())
}

func TestAWaitIsEndedBySIGTERM(t *testing.T) {
	t.Parallel()
	p := waiting(t, "")
	bringing, program := p.waits(newCache(t).artifact())
	bringing.saysSo("for input 1")
	for _, c := range []*container{bringing, program} {
		if c != nil {
			must(t, c.Process.Signal(syscall.SIGTERM))
		}
	}
	begun := time.Now()
	code, message := bringing.end()
	if code != 143 {
		t.Errorf("exit code %d, %q\n%s", code, message, bringing.stderr.String())
	}
	if program != nil {
		// It has nothing to finish: the signal itself ends it.
		if code, message := program.end(); code != 143 && code != -1 {
			t.Errorf("exit code %d, %q\n%s", code, message, program.stderr.String())
		}
	}
	if took := time.Since(begun); took > 30*time.Second {
		t.Errorf("ended after %s", took)
	}
}

func TestASidecarWaits(t *testing.T) {
	t.Parallel()
	registry := newCache(t)
	input := registry.artifact()
	p := newScripted(t, "")
	oras := p.sidecar("--wait-for-inputs", "--input="+input)
	script := p.script(waits + "cat inputs/x; touch oras-operator-done.txt")
	oras.saysSo("for input 1")
	makes(t, input, "echo late > x", "--output-path", "x")
	wants(t, script, 0, "")
	wants(t, oras, 0, "")
	if got := script.stdout.String(); got != "late\n" {
		t.Errorf("the script read %q", got)
	}
	p = newScripted(t, "")
	oras = p.sidecar("--wait-for-inputs", "--wait-timeout=1", "--input="+registry.artifact())
	script = p.script(waits)
	wants(t, script, contract.ExitInputNeverCame, "waited 1s")
	wants(t, oras, contract.ExitInputNeverCame, "waited 1s")
	if _, err := os.Stat(filepath.Join(p.share, "waiting")); err != nil {
		t.Error(err)
	}
}
