package main

import (
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/protocol"
	"github.com/converged-computing/oras-operator/agent/internal/share"
	"golang.org/x/sys/unix"
)

// greets is an attempt of a wrapped container as far as its connection goes. It returns what the container oras says after
// its greeting, and ends the attempt.
func (p *pod) greets(number int, attempt string) (said protocol.Type) {
	p.t.Helper()
	until(p.t, "an answer to attempt "+attempt, func() bool {
		conn := p.dials(number)
		defer conn.Close()
		must(p.t, conn.SetDeadline(time.Now().Add(30*time.Second)))
		greeting := protocol.Greeting{Protocol: protocol.Version, Attempt: attempt, NeedsInputs: true}
		reader, kind := protocol.NewReader(conn), protocol.Type(0)
		err := protocol.NewWriter(conn).Message(protocol.Hello, greeting)
		if err == nil {
			kind, _, err = reader.Frame()
		}
		if errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
			// A process that this one is starting still holds the connection of the attempt before.
			return false
		}
		if err != nil || kind != protocol.Welcome {
			p.t.Fatalf("attempt %s: a message of type %d, %v", attempt, kind, err)
		}
		said, _, err = reader.Frame()
		must(p.t, err)
		return true
	})
	return said
}

func (p *pod) dials(number int) net.Conn {
	p.t.Helper()
	var conn net.Conn
	until(p.t, "the container oras to listen", func() (is bool) {
		found, err := net.Dial("unix", filepath.Join(p.share, strconv.Itoa(number), "socket"))
		conn = found
		return err == nil
	})
	return conn
}

// An attempt that may end, because its output is kept or the step fails, is followed by another one where the kubelet
// starts its container again. As long as a wrapped container is not there yet, oras is there for both.
func TestAnAttemptAfterOneThatMayEnd(t *testing.T) {
	t.Parallel()
	host := startRegistry(t)
	two := func(t *testing.T, streams bool) *pod {
		p := newPod(t, "http://"+host+"/next:1")
		p.containers, p.policy, p.streams = 2, onFailure, streams
		wants(t, p.pull(), 0, "")
		return p
	}
	t.Run("its output was kept by an oras that was killed then", func(t *testing.T) {
		t.Parallel()
		for _, streams := range []bool{false, true} {
			p := two(t, streams)
			first := p.push()
			step := p.program("echo one > x", "--output-path", "x", "--oras-comes-back")
			wants(t, step, 0, "")
			attempt := contentOf(t, p.share, "0/taken")
			first.kill()
			p.push()
			if got := p.greets(0, attempt); got != protocol.Taken {
				t.Fatalf("a message of type %d", got)
			}
			if got := p.greets(0, "another"); got != protocol.Run {
				t.Fatalf("a message of type %d", got)
			}
		}
	})
	t.Run("the step fails", func(t *testing.T) {
		t.Parallel()
		for _, streams := range []bool{false, true} {
			p := two(t, streams)
			oras := p.push("--of-another-release=1")
			for _, attempt := range []string{"one", "another", "a third"} {
				if got := p.greets(0, attempt); got != protocol.Failed {
					t.Fatalf("a message of type %d", got)
				}
			}
			if got := p.greets(1, "one"); got != protocol.Failed {
				t.Fatalf("a message of type %d", got)
			}
			wants(t, oras, 185, "of-another-release")
		}
	})
}

// What an attempt says that was told to end is not taken: it would be written over what is kept of it.
func TestAnAttemptThatMayEndIsNotHeard(t *testing.T) {
	t.Parallel()
	p := newPod(t, "http://"+startRegistry(t)+"/kept:1")
	p.containers, p.policy = 2, onFailure
	wants(t, p.pull(), 0, "")
	first := p.push()
	wants(t, p.program("echo kept > x", "--output-path", "x", "--oras-comes-back"), 0, "")
	attempt := contentOf(t, p.share, "0/taken")
	first.kill()
	second := p.push()
	conn := p.dials(0)
	writer := protocol.NewWriter(conn)
	must(t, writer.Message(protocol.Hello, protocol.Greeting{Protocol: protocol.Version, Attempt: attempt}))
	must(t, writer.Message(protocol.Ended, protocol.Verdict{}))
	content, err := writer.Content(protocol.Output, protocol.Content{Title: "x", Mode: 0o644})
	must(t, err)
	_, err = content.Write([]byte("half"))
	must(t, err)
	must(t, conn.Close())
	if got := p.greets(0, attempt); got != protocol.Taken {
		t.Fatalf("a message of type %d", got)
	}
	other := p.wrapped(1, []string{"sh", "-c", "mkdir -p y; echo other > y/z"}, "--output-path", "y", "--oras-comes-back")
	other.launch()
	wants(t, other, 0, "")
	wants(t, second, 0, `"digest"`)
	if got := contentOf(t, stockPull(t, p.output), "x"); got != "kept\n" {
		t.Errorf("pushed %q", got)
	}
}

// A connection that cannot be accepted is told, and the next one is.
func TestOrasWithoutFreeFileDescriptors(t *testing.T) {
	t.Parallel()
	for _, streams := range []bool{false, true} {
		p := newPod(t, "http://"+startRegistry(t)+"/files:1")
		p.streams, p.policy = streams, onFailure
		wants(t, p.pull(), 0, "")
		oras := p.push()
		// From now on it opens nothing by itself.
		if got := p.greets(0, "one"); got != protocol.Run {
			t.Fatalf("a message of type %d", got)
		}
		var limit unix.Rlimit
		none := unix.Rlimit{}
		must(t, unix.Prlimit(oras.Process.Pid, unix.RLIMIT_NOFILE, nil, &limit))
		none.Max = limit.Max
		must(t, unix.Prlimit(oras.Process.Pid, unix.RLIMIT_NOFILE, &none, nil))
		step := p.program("echo x > x", "--output-path", "x", "--oras-comes-back")
		oras.says("too many open files")
		must(t, unix.Prlimit(oras.Process.Pid, unix.RLIMIT_NOFILE, &limit, nil))
		wants(t, step, 0, "")
		wants(t, oras, 0, `"digest"`)
		if n := strings.Count(oras.stderr.String(), "too many open files"); n != 1 {
			t.Errorf("said %d times", n)
		}
	}
}

// The kubelet starts a container again after any exit code where a liveness probe failed, or its image was changed. When
// oras has done its part by then, what that attempt leaves could not be pushed: it must not wait for oras.
func TestAnAttemptAfterTheEndOfOras(t *testing.T) {
	t.Parallel()
	host := startRegistry(t)
	for name, policy := range map[string]string{
		"under OnFailure": onFailure, "under Never": `{"restart":"Never"}`, "by a rule, too": `{"restart":"OnFailure","rules":[{"codes":[42]}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPod(t, "http://"+host+"/"+digestOf([]byte(name))[7:20]+":1")
			p.policy = policy
			var comesBack []string
			if name != "under Never" {
				comesBack = []string{"--oras-comes-back"}
			}
			wants(t, p.pull(), 0, "")
			oras := p.push()
			wants(t, p.program("echo x > x", append(comesBack, "--output-path=x")...), 0, "")
			wants(t, oras, 0, `"digest"`)
			for range 2 {
				next := p.program("echo ran", append(comesBack, "--output-path=x")...)
				wants(t, next, 188, "the container oras has ended, and nothing starts it again; the program was not run")
				if next.stdout.String() != "" {
					t.Error("the program ran")
				}
			}
			if p.streams {
				return
			}
			// A new round begins with the init container.
			wants(t, p.pull(), 0, "")
			step := p.program("echo y > x; echo ran", append(comesBack, "--output-path=x")...)
			step.says("ran")
		})
	}
	t.Run("nothing was pushed", func(t *testing.T) {
		t.Parallel()
		p := newPod(t, "http://"+host+"/nothing:1")
		p.policy = onFailure
		wants(t, p.pull(), 0, "")
		oras := p.push("--push-on=failure")
		wants(t, p.program("true", "--output-path=x", "--push-on=failure", "--oras-comes-back"), 0, "")
		wants(t, oras, 0, "nothing pushed")
		wants(t, p.program("echo ran", "--output-path=x", "--push-on=failure", "--oras-comes-back"), 188, "has ended")
	})
	// It began between two lives of oras, of which the second pushes the output of the attempt before.
	t.Run("which it has not seen", func(t *testing.T) {
		t.Parallel()
		p := newPod(t, faulty(t, host, answers(http.MethodPut, "/", 503))+"/unseen:1")
		p.policy = onFailure
		wants(t, p.pull(), 0, "")
		first := p.push("--timeout=60")
		wants(t, p.program("echo kept > x", "--output-path", "x", "--oras-comes-back"), 0, "")
		first.says("trying again")
		first.kill()
		step := p.program(waitsForGo+"echo late > x", "--output-path", "x", "--oras-comes-back")
		if !p.streams {
			step.says("running")
		}
		must(t, step.Process.Signal(syscall.SIGSTOP))
		p.output = "http://" + host + "/unseen:1"
		wants(t, p.push(), 0, `"digest"`)
		must(t, step.Process.Signal(syscall.SIGCONT))
		p.makeFile("go")
		code := 189
		if p.streams {
			code = 188
		}
		wants(t, step, code, "the container oras has ended, and nothing starts it again")
	})
}

// Beside a script of the author's, too.
func TestAnAttemptOfAScriptAfterTheEndOfOras(t *testing.T) {
	t.Parallel()
	p := newPod(t, "")
	p.policy = onFailure
	must(t, share.Root(p.share).Install(1))
	must(t, share.Root(p.share).MakeScripts())
	oras := p.start("sidecar", "--share="+p.share, "--policy="+p.policy)
	script := []string{"--pushes", "--oras-comes-back"}
	wants(t, p.program("true", script...), 0, "")
	wants(t, oras, 0, "")
	wants(t, p.program("echo ran", script...), 188, "has ended")
}

// The grace period of a Pod that is deleted is for handing over; oras is not started again in it.
func TestALauncherThatIsStoppedDoesNotWaitForAnotherOras(t *testing.T) {
	t.Parallel()
	registry := newCache(t)
	for _, streams := range []bool{false, true} {
		p := newPod(t, registry.artifact())
		p.streams, p.policy = streams, onFailure
		wants(t, p.pull(), 0, "")
		oras := p.push()
		step := p.program("echo x > x; "+waitsForGo, "--output-path", "x", "--oras-comes-back", "--debug")
		oras.says("runs")
		// From now on it does not answer.
		must(t, oras.Process.Signal(syscall.SIGSTOP))
		p.makeFile("go")
		step.says("has ended with exit code 0")
		must(t, step.Process.Signal(syscall.SIGTERM))
		step.says("stopped")
		oras.kill()
		wants(t, step, 189, "the container oras has ended")
	}
}
