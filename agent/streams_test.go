package main

import (
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/converged-computing/oras-operator/agent/internal/protocol"
	"github.com/converged-computing/oras-operator/agent/internal/share"
)

// Pods without an init container go through the cases of the others in which the two containers meet.
func TestWithoutAnInitContainer(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"an output is the next step's input":       TestAnOutputIsTheNextStepsInput,
		"nothing is pushed of a failure":           TestNothingIsPushedOfAFailure,
		"a restarted oras pushes":                  TestARestartedOrasPushesWithoutTheProgram,
		"a killed oras is met again":               TestAKilledOrasIsMetAgain,
		"a copy of standard output":                TestACopyOfStandardOutputIsTheOutput,
		"oras is killed while it takes the output": TestOrasIsKilledWhileItTakesTheOutput,
		"oras is killed after it pushed":           TestOrasIsKilledAfterItPushed,
		"a kept output that is gone":               TestAKeptOutputThatIsGoneIsTold,
		"an output that cannot be kept":            TestAnOutputThatCannotBeKept,
		"the next attempt is waited for":           TestUnderOnFailureTheNextAttemptIsWaitedFor,
		"every restart is a new attempt":           TestEveryRestartIsANewAttempt,
		"a round that begins during a push":        TestARoundThatBeginsDuringAPush,
		"deletion":                                 TestDeletion,
		"a life after the end":                     TestALifeAfterTheEndOfTheStep,
		"an attempt after the end of oras":         TestAnAttemptAfterTheEndOfOras,
		"a failure before the program":             TestAFailureBeforeTheProgramIsHeardLater,
		"refused uploads":                          TestRefusedUploadsAreKnownBeforeTheProgram,
		"refused pushes":                           TestRefusedPushes,
		"faults that pass":                         TestFaultsThatPass,
		"spoiled blobs":                            TestBlobsThatAreSpoiledOnTheWay,
		"a busy registry":                          TestABusyRegistryDelaysAPull,
		"a registry that comes late":               TestARegistryThatComesLate,
		"inputs of stock clients":                  TestInputsOfStockClients,
		"inputs in their order":                    TestInputsAreUnpackedInTheirOrder,
		"inputs for another user":                  TestInputsForAnotherUser,
		"inputs again":                             TestInputsAreUnpackedAgain,
		"inputs that are not there":                TestInputsThatAreNotThereNameWhatIs,
		"inputs that cannot be had":                TestInputsThatCannotBeHad,
		"inputs that are waited for":               TestInputsAreWaitedForTogether,
		"an input that never comes":                TestAnInputThatNeverComes,
		"a pin":                                    TestAPinIsPulledAfterTheTagMoved,
		"what is not waited for":                   TestWhatIsNotWaitedFor,
		"an input that is mounted":                 TestAnInputThatIsMounted,
		"a mounted input that has a tag":           TestAMountedInputThatHasATag,
		"a refused output before a wait":           TestAnOutputThatIsRefusedIsKnownBeforeTheWait,
		"a wait is ended by SIGTERM":               TestAWaitIsEndedBySIGTERM,
		"what was pushed is told":                  TestWhatWasPushedIsTold,
		"where an artifact comes from":             TestWhereAnArtifactComesFrom,
	} {
		t.Run(name, test)
	}
}

// newStream is a Pod without an init container.
func newStream(t *testing.T, output string, inputs ...string) *pod {
	t.Helper()
	p := newPod(t, output)
	p.streams, p.inputs = true, inputs
	return p
}

// listening is the container oras from when on others may be started.
func (p *pod) listening() *container {
	p.t.Helper()
	oras := p.serve()
	until(p.t, "the socket", isThere(share.Root(p.share).Part(0).Socket()))
	return oras
}

// makesInput is an artifact with a directory d of one file f.
func makesInput(t *testing.T, reference, content string) {
	t.Helper()
	makes(t, reference, "mkdir d; echo "+content+" > d/f", "--output-path", "d")
}

// failTogether checks that both containers end with the same code and sentence, and that the program did not run.
func failTogether(t *testing.T, oras, step *container, code int, says string) {
	t.Helper()
	wants(t, step, code, says)
	wants(t, oras, code, contentOf(t, step.message))
	if step.stdout.String() != "" {
		t.Errorf("the program ran")
	}
}

func TestOrasEndsLast(t *testing.T) {
	t.Parallel()
	input := "http://" + startRegistry(t) + "/last:1"
	makesInput(t, input, "x")
	for name, c := range map[string]struct {
		script string
		code   int
	}{"success": {"", 0}, "failure": {"exit 3", 3}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newStream(t, "", input)
			oras := p.serve()
			step := p.program("cat d/f; "+waitsForGo+c.script, "--input-path", p.work)
			oras.says("runs")
			if oras.Process.Signal(syscall.Signal(0)) != nil {
				t.Error("oras ended while the program runs")
			}
			p.makeFile("go")
			wants(t, step, c.code, "")
			wants(t, oras, 0, "")
			if step.stdout.String() != "x\nrunning\n" {
				t.Errorf("%q", step.stdout.String())
			}
			left, err := filepath.Glob(filepath.Join(p.share, "*/inputs*"))
			if must(t, err); len(left) > 0 {
				t.Errorf("inputs lie on the volume: %v", left)
			}
		})
	}
}

func TestAnotherAttemptGetsTheSameInputs(t *testing.T) {
	t.Parallel()
	registry := newCache(t)
	for name, isKilled := range map[string]bool{"of one life of oras": false, "of two": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			input := registry.artifact()
			makesInput(t, input, "first")
			p := newStream(t, registry.artifact(), input)
			p.policy = onFailure
			oras := p.serve()
			wants(t, p.program("cat d/f; echo changed > d/f; exit 3", "--input-path", p.work, "--output-path", "d", "--oras-comes-back"), 3, "")
			digest := digestOfTag(t, input)
			makesInput(t, input, "second")
			if isKilled {
				oras.kill()
				oras = p.serve()
			}
			step := p.program("cat d/f", "--input-path", p.work, "--output-path", "d", "--oras-comes-back")
			wants(t, step, 0, "")
			wants(t, oras, 0, `"digest"`)
			if got := step.stdout.String(); got != "first\n" {
				t.Errorf("read %q", got)
			}
			if got := manifestAt(t, p.output).Annotations["oras.converged-computing.github.io/input"]; got != digest {
				t.Errorf("the artifact says that it was made of %s, not %s", got, digest)
			}
		})
	}
}

// FAULTS B: whatever comes first, late, or again.
func TestOrasIsLate(t *testing.T) {
	t.Parallel()
	input := "http://" + startRegistry(t) + "/late:1"
	makesInput(t, input, "x")
	t.Run("after a wrapped container that had no barrier", func(t *testing.T) {
		t.Parallel()
		p := newStream(t, "", input)
		step := p.wrapped(0, []string{"sh", "-c", "cat d/f; env"}, "--input-path", p.work)
		step.Env = append(step.Env, "ORAS_AGENT_READY=")
		step.launch()
		step.says("waiting for the container oras")
		oras := p.serve()
		wants(t, step, 0, "")
		wants(t, oras, 0, "")
		if got := step.stdout.String(); !strings.HasPrefix(got, "x\n") || strings.Contains(got, "ORAS_AGENT_READY") {
			t.Errorf("%q", got)
		}
	})
	t.Run("killed again and again while it lets the others be started", func(t *testing.T) {
		t.Parallel()
		p := newStream(t, "", input)
		part := share.Root(p.share).Part(0)
		for _, path := range []string{string(part), part.Agent(), part.Barrier(), part.Socket()} {
			oras := p.serve()
			until(t, path, isThere(path))
			oras.kill()
		}
		step := p.program("cat d/f", "--input-path", p.work)
		oras := p.serve()
		wants(t, step, 0, "")
		wants(t, oras, 0, "")
	})
	t.Run("killed after it let the others be started", func(t *testing.T) {
		t.Parallel()
		p := newStream(t, "", input)
		p.listening().kill()
		step := p.program("cat d/f", "--input-path", p.work)
		step.says("waiting for the container oras")
		oras := p.serve()
		wants(t, step, 0, "")
		wants(t, oras, 0, "")
	})
	t.Run("ended before the wrapped container", func(t *testing.T) {
		t.Parallel()
		p := newStream(t, "", input)
		oras := p.listening()
		must(t, oras.Process.Signal(syscall.SIGTERM))
		wants(t, oras, 143, "the Pod was deleted")
		// At once, not at a deadline.
		wants(t, p.program("echo ran", "--input-path", p.work), 188, "the program was not run")
	})
	t.Run("ended because inputs fail, another attempt ends the same", func(t *testing.T) {
		t.Parallel()
		p := newStream(t, "", strings.Replace(input, "late", "no-such", 1))
		p.policy = onFailure
		oras := p.serve()
		for range 2 {
			wants(t, p.program("echo ran", "--input-path", p.work, "--oras-comes-back"), 181, "no-such")
		}
		wants(t, oras, 181, "no-such")
	})
	t.Run("ended because inputs fail, and started once more when its image is changed", func(t *testing.T) {
		t.Parallel()
		p := newStream(t, "", strings.Replace(input, "late", "no-such", 1))
		oras := p.serve()
		wants(t, p.program("echo ran", "--input-path", p.work), 181, "no-such")
		wants(t, oras, 181, "no-such")
		wants(t, p.serve(), 181, "no-such")
	})
	t.Run("ended while the wrapped container waits, and is restarted", func(t *testing.T) {
		t.Parallel()
		p := newStream(t, "", input)
		p.policy = onFailure
		oras := p.listening()
		must(t, oras.Process.Signal(syscall.SIGTERM))
		wants(t, oras, 143, "")
		step := p.program("cat d/f", "--input-path", p.work, "--oras-comes-back")
		step.says("waiting for the container oras")
		oras = p.serve()
		wants(t, step, 0, "")
		wants(t, oras, 0, "")
	})
	t.Run("with nobody to serve it is ended by a signal", func(t *testing.T) {
		t.Parallel()
		p := newStream(t, "", input)
		p.containers = 2
		oras := p.listening()
		must(t, oras.Process.Signal(syscall.SIGTERM))
		wants(t, oras, 143, "the Pod was deleted")
	})
}

// holding is a registry that sends the first part of a blob and then nothing, until it is let go.
func holding(t *testing.T, host string) (url string, isHolding func() bool, letGo func()) {
	t.Helper()
	hold := make(chan struct{})
	var held, free atomic.Bool
	url = between(t, host, func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
		if free.Load() || r.Method != http.MethodGet || !strings.Contains(r.URL.Path, "/blobs/") {
			forward.ServeHTTP(w, r)
			return
		}
		answer, err := http.Get("http://" + host + r.URL.Path)
		if err != nil {
			return
		}
		defer answer.Body.Close()
		w.Header().Set("Content-Length", strconv.FormatInt(answer.ContentLength, 10))
		_, _ = io.CopyN(w, answer.Body, answer.ContentLength/2)
		_ = http.NewResponseController(w).Flush()
		held.Store(true)
		select {
		case <-hold:
			_, _ = io.Copy(w, answer.Body)
		case <-r.Context().Done():
		}
	})
	let := func() {
		if !free.Swap(true) {
			close(hold)
		}
	}
	t.Cleanup(let)
	return url, held.Load, let
}

// What is interrupted in the middle of an input begins again, whole, and nothing of it is seen before.
func TestAnInterruptedStream(t *testing.T) {
	t.Parallel()
	host := startRegistry(t)
	for _, kind := range []string{"directory", "file"} {
		reference := "/interrupted/" + kind + ":1"
		if kind == "directory" {
			makes(t, "http://"+host+reference, makesLarge, "--output-path", "d")
		} else {
			makes(t, "http://"+host+reference, makesLarge, "--output-path", "d/x")
		}
		place := map[string]string{"directory": "d/x", "file": "x"}[kind]
		begin := func(t *testing.T) (p *pod, oras, step *container, letGo func()) {
			url, isHolding, letGo := holding(t, host)
			p = newStream(t, "", url+reference)
			p.policy = onFailure
			oras = p.serve("--timeout=60")
			step = p.program("wc -c < "+place, "--input-path", p.work, "--oras-comes-back")
			until(t, "a part of the input", func() bool {
				found, _ := filepath.Glob(p.work + "/.oras-partial-*/*/*")
				return isHolding() && len(found) > 0
			})
			if _, err := os.Stat(filepath.Join(p.work, place)); err == nil {
				t.Error("it stands under its name")
			}
			return p, oras, step, letGo
		}
		check := func(t *testing.T, p *pod, oras, step *container) {
			t.Helper()
			wants(t, step, 0, "")
			wants(t, oras, 0, "")
			if got := strings.TrimSpace(step.stdout.String()); got != "20000000" {
				t.Errorf("read %q", got)
			}
			if left, _ := filepath.Glob(p.work + "/.oras-partial-*"); len(left) > 0 {
				t.Errorf("left %v", left)
			}
		}
		t.Run(kind+", the registry is slow", func(t *testing.T) {
			t.Parallel()
			p, oras, step, letGo := begin(t)
			letGo()
			check(t, p, oras, step)
		})
		t.Run(kind+", oras is killed", func(t *testing.T) {
			t.Parallel()
			p, oras, step, letGo := begin(t)
			oras.kill()
			step.says("waiting for it to be restarted")
			letGo()
			check(t, p, p.serve(), step)
		})
		t.Run(kind+", the wrapped container is killed", func(t *testing.T) {
			t.Parallel()
			p, oras, step, letGo := begin(t)
			step.kill()
			letGo()
			check(t, p, oras, p.program("wc -c < "+place, "--input-path", p.work, "--oras-comes-back"))
		})
		t.Run(kind+", the wrapped container is stopped", func(t *testing.T) {
			t.Parallel()
			p, oras, step, _ := begin(t)
			must(t, oras.Process.Signal(syscall.SIGTERM))
			must(t, step.Process.Signal(syscall.SIGTERM))
			wants(t, step, 143, "")
			wants(t, oras, 143, "the Pod was deleted")
			if left, _ := os.ReadDir(p.work); len(left) > 0 {
				t.Errorf("left %v", left)
			}
		})
	}
}

// What cannot be unpacked is known at once, whatever the registry does.
func TestAnInputThatCannotBeUnpackedIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	host := startRegistry(t)
	makes(t, "http://"+host+"/blocked:1", makesLarge, "--output-path", "d")
	url, _, _ := holding(t, host)
	p := newStream(t, "", url+"/blocked:1")
	oras := p.serve("--timeout=60")
	p.makeFile("d")
	step := p.program("echo ran", "--input-path", p.work)
	wants(t, step, 186, "/d where a file is")
	wants(t, oras, 0, "failed with exit code 186 before its program")
}

func TestAnotherAttemptMayUnpackWhatTheFirstCouldNot(t *testing.T) {
	t.Parallel()
	input := "http://" + startRegistry(t) + "/blocked:1"
	makesInput(t, input, "x")
	p := newStream(t, "", input)
	p.policy = onFailure
	oras := p.serve()
	p.makeFile("d")
	wants(t, p.program("echo ran", "--input-path", p.work, "--oras-comes-back"), 186, "/d where a file is")
	must(t, os.Remove(filepath.Join(p.work, "d")))
	step := p.program("cat d/f", "--input-path", p.work, "--oras-comes-back")
	wants(t, step, 0, "")
	wants(t, oras, 0, "")
	if step.stdout.String() != "x\n" {
		t.Errorf("read %q", step.stdout.String())
	}
}

func TestOptionsThatCannotWorkEndBothContainers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ option, says string }{
		"of another release": {"--made-up=1", "flag provided but not defined: -made-up"},
		"a value":            {"--timeout=long", `invalid value "long"`},
		"a policy":           {"--policy={", "unexpected EOF"},
		"an input":           {"--input=http://UPPER/x", "UPPER/x"},
		"an output":          {"--output=http://h/UPPER", "UPPER"},
		"credentials":        {"--credentials=/nowhere", "/nowhere"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newStream(t, "")
			oras := p.serve(c.option)
			step := p.program("echo ran")
			if strings.HasPrefix(c.option, "--policy") {
				// It stands for another wrapped container.
				wants(t, p.launched(p.wrapped(1, []string{"true"})), 185, c.says)
			}
			failTogether(t, oras, step, 185, c.says)
		})
	}
}

func TestAVolumeThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	p := newStream(t, "")
	p.share = filepath.Join(p.work, "file")
	p.makeFile("file")
	wants(t, p.serve(), 185, "the volume of the step cannot be written")
}

// The hook neither fails nor waits for long.
func TestTheHookAfterTheStartOfOras(t *testing.T) {
	t.Parallel()
	p := newStream(t, "")
	p.containers = 2
	alone := p.start("ready", "--share="+p.share)
	wants(t, alone, 0, "")
	hook := p.start("ready", "--share="+p.share)
	oras := p.serve()
	wants(t, hook, 0, "")
	for number := range 2 {
		part := share.Root(p.share).Part(number)
		if got := contentOf(t, string(part), "barrier"); got != "ORAS_AGENT_READY='1'\n" {
			t.Errorf("the barrier holds %q", got)
		}
		if !isThere(part.Agent())() || !isThere(part.Socket())() {
			t.Errorf("part %d is not there", number)
		}
	}
	if said := alone.stderr.String() + hook.stderr.String() + oras.stderr.String(); said != "" {
		t.Errorf("says %s", said)
	}
}

// frames is what the container oras sends to a launcher: the bytes of a whole connection.
func frames(t *testing.T, blob []byte) []byte {
	t.Helper()
	var wire writes
	writer := protocol.NewWriter(&wire)
	must(t, writer.Message(protocol.Welcome, protocol.Greeting{Protocol: protocol.Version}))
	for _, content := range []protocol.Content{
		{Directory: true, Size: int64(len(blob))}, {Title: "below/raw", Mode: 0o640, Size: int64(len(blob))},
	} {
		sent, err := writer.Content(protocol.Input, content)
		must(t, err)
		for at := 0; at < len(blob); at += 50 {
			_, err = sent.Write(blob[at:min(at+50, len(blob))])
			must(t, err)
		}
		must(t, sent.Close())
	}
	must(t, writer.Message(protocol.Run, nil))
	return wire
}

type writes []byte

func (w *writes) Write(p []byte) (int, error) {
	*w = append(*w, p...)
	return len(p), nil
}

// Wherever a connection is cut, in the middle of a frame or between two, the launcher begins again.
func TestAConnectionThatIsCutAnywhere(t *testing.T) {
	t.Parallel()
	p := newStream(t, "")
	wire := frames(t, gzipped(t, tarOf(aDirectory("d"), aFile("d/f"))))
	part := share.Root(p.share).Part(0)
	must(t, os.Mkdir(string(part), 0o755))
	listener, err := net.Listen("unix", part.Socket())
	must(t, err)
	defer listener.Close()
	step := p.program("ls -A . d below", "--input-path", p.work)
	step.says("")
	for cut := 1; ; cut = min(cut+7, len(wire)) {
		conn, err := listener.Accept()
		must(t, err)
		_, payload, err := protocol.NewReader(conn).Frame()
		must(t, err)
		hello, err := protocol.Decode[protocol.Greeting](protocol.Hello, payload)
		if must(t, err); !hello.NeedsInputs {
			t.Fatal("it does not ask for its inputs")
		}
		if left, _ := os.ReadDir(p.work); len(left) > 0 {
			t.Fatalf("cut before %d: left %v", cut, left)
		}
		_, err = conn.Write(wire[:cut])
		must(t, err)
		if cut == len(wire) {
			reader := protocol.NewReader(conn)
			for kind := protocol.Started; kind != protocol.Nothing; {
				kind, _, err = reader.Frame()
				must(t, err)
			}
			must(t, protocol.NewWriter(conn).Message(protocol.Taken, nil))
			break
		}
		must(t, conn.Close())
	}
	wants(t, step, 0, "")
	if got := step.stdout.String(); got != ".:\nbelow\nd\n\nbelow:\nraw\n\nd:\nf\n" {
		t.Errorf("%q", got)
	}
}

func TestSeveralWrappedContainersHaveTheirOwnStreams(t *testing.T) {
	t.Parallel()
	registry := newCache(t)
	input := registry.artifact()
	makesInput(t, input, "x")
	p := newStream(t, registry.artifact(), input)
	p.containers = 2
	oras := p.serve()
	var steps []*container
	for number := range 2 {
		name := strconv.Itoa(number)
		script := "cat " + name + "/d/f > out" + name
		steps = append(steps, p.launched(p.wrapped(number, []string{"sh", "-c", script}, "--input-path="+name, "--output-path=out"+name)))
	}
	for _, step := range steps {
		wants(t, step, 0, "")
	}
	wants(t, oras, 0, `"digest"`)
	shell(t, stockPull(t, p.output), "cat out0 out1 > /dev/null")
}

func TestOrasHoldsLittleMemory(t *testing.T) {
	input := "http://" + startRegistry(t) + "/large:1"
	makes(t, input, "mkdir d; head -c 300000000 /dev/urandom > d/large; head -c 300000000 /dev/zero > d/zero", "--output-path", "d")
	p := newStream(t, "", input)
	oras := p.preparedServe()
	oras.watchMemory()
	oras.launch()
	step := p.program(waitsForGo, "--input-path", p.work)
	oras.says("runs")
	if held := oras.anonymous(); !hasRaceDetector && held >= 8 {
		t.Errorf("it holds %d MiB while it waits", held)
	}
	p.makeFile("go")
	wants(t, step, 0, "")
	wants(t, oras, 0, "")
	oras.stayedBelow(t, 64)
}

// One that cannot have its inputs does not end the program of another, if it is started again.
func TestInputsThatCannotBeHadForNow(t *testing.T) {
	t.Parallel()
	host := startRegistry(t)
	makesInput(t, "http://"+host+"/for/now:1", "x")
	var down atomic.Bool
	url := faulty(t, host, func(w http.ResponseWriter, r *http.Request) bool {
		return down.Load() && answers(http.MethodGet, "/", 503)(w, r)
	})
	p := newStream(t, url+"/for/output:1", url+"/for/now:1")
	p.policy, p.containers = onFailure, 2
	oras := p.serve("--timeout=5")
	start := func(number int, script string) *container {
		name := strconv.Itoa(number)
		return p.launched(p.wrapped(number, []string{"sh", "-c", script}, "--input-path="+name, "--output-path=out"+name, "--oras-comes-back"))
	}
	works := start(0, waitsForGo+"echo 0 > out0")
	oras.says("container 1 runs")
	down.Store(true)
	wants(t, start(1, "echo ran"), 183, "503 MADE_UP")
	oras.says("waiting for the wrapped container to be restarted")
	down.Store(false)
	wants(t, start(1, "cp 1/d/f out1"), 0, "")
	p.makeFile("go")
	wants(t, works, 0, "")
	wants(t, oras, 0, `"digest"`)
	if got := contentOf(t, stockPull(t, "http://"+host+"/for/output:1"), "out1"); got != "x\n" {
		t.Errorf("pushed %q", got)
	}
}

// What a life of oras begins without, because programs run already, does not end it.
func TestALaterLifeNeedsNoInputs(t *testing.T) {
	t.Parallel()
	host := startRegistry(t)
	makesInput(t, "http://"+host+"/gone:1", "x")
	var gone atomic.Bool
	url := faulty(t, host, func(w http.ResponseWriter, r *http.Request) bool {
		return gone.Load() && answers(http.MethodGet, "/v2/gone/", 404)(w, r)
	})
	p := newStream(t, url+"/later:1", url+"/gone:1")
	first := p.serve()
	step := p.program(waitsForGo+"cp d/f x", "--input-path", p.work, "--output-path", "x")
	first.says("runs")
	first.kill()
	gone.Store(true)
	second := p.serve()
	second.says("runs")
	p.makeFile("go")
	wants(t, step, 0, "")
	wants(t, second, 0, `"digest"`)
}
