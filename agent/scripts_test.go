package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/converged-computing/oras-operator/agent/internal/share"
)

// scripted is a Pod with scripts of the author's.
type scripted struct {
	*pod
	share.Scripts
}

func newScripted(t *testing.T, output string) *scripted {
	p := newPod(t, output)
	must(t, share.Root(p.share).Install(1))
	must(t, share.Root(p.share).MakeScripts())
	return &scripted{p, share.Root(p.share).Scripts()}
}

// sidecar is our side, with inputs and options.
func (p *scripted) sidecar(options ...string) *container {
	arguments := []string{"sidecar", "--share=" + p.share, "--policy=" + p.policy, "--timeout=60", "--debug"}
	if p.output != "" {
		arguments = append(arguments, "--output="+p.output)
	}
	return p.start(append(arguments, options...)...)
}

// script is the author's application script, as the operator starts it.
func (p *scripted) script(text string, options ...string) *container {
	path := filepath.Join(p.t.TempDir(), "entrypoint.sh")
	must(p.t, os.WriteFile(path, []byte("#!/bin/sh\ncd "+string(p.Scripts)+"\n"+text+"\n"), 0o755))
	arguments := append([]string{"exec", "--share=" + filepath.Join(p.share, "0"), "--pushes"}, options...)
	return p.start(append(arguments, "--", path, "NA", "/in", "NA", "tr", "a-z", "A-Z")...)
}

// application is our side beside the author's sidecar script.
func (p *scripted) application(script string, options ...string) *container {
	return p.start(append(append([]string{"application", "--share=" + string(p.Scripts)}, options...), "--", "sh", "-c", script)...)
}

func (p *scripted) write(path, content string) {
	p.t.Helper()
	must(p.t, os.MkdirAll(filepath.Dir(path), 0o777))
	must(p.t, os.WriteFile(path, []byte(content), 0o666))
}

func isThere(path string) func() bool {
	return func() bool { _, err := os.Stat(path); return err == nil }
}

const waits = "until [ -e oras-operator-init.txt ]; do sleep 0.01; done\n"

func TestTheAuthorsScriptBesideOurSidecar(t *testing.T) {
	host := startRegistry(t)
	input := "http://" + host + "/in:1"
	makes(t, input, "mkdir -p out/bin; umask 077; echo flour > out/flour; echo mill > out/bin/mill; chmod 700 out/bin/mill", "--output-path=out/.")
	p := newScripted(t, "http://"+host+"/out:1")
	oras := p.sidecar("--input="+input, "--image=baker:1")
	step := p.script(waits + `echo "$1 $2 $3"; shift 3
stat -c '%a %n' inputs/flour inputs/bin/mill
"$@" < inputs/flour > outputs/bread
touch oras-operator-done.txt`)
	wants(t, step, 0, "")
	if got, want := step.stdout.String(), "NA /in NA\n644 inputs/flour\n755 inputs/bin/mill\n"; got != want {
		t.Errorf("the script wrote %q, want %q", got, want)
	}
	wants(t, oras, 0, `"digest"`)
	if got := contentOf(t, stockPull(t, p.output), "bread"); got != "FLOUR\n" {
		t.Errorf("pushed %q", got)
	}
	manifest := manifestAt(t, p.output)
	if manifest.Annotations["oras.converged-computing.github.io/image"] != "baker:1" ||
		manifest.Annotations["oras.converged-computing.github.io/input"] != digestOfTag(t, input) {
		t.Errorf("the artifact says %v", manifest.Annotations)
	}
}

func TestNothingIsPushedOfAScriptThat(t *testing.T) {
	host := startRegistry(t)
	for name, c := range map[string]struct {
		script string
		code   int
		says   string
	}{
		"fails":           {"touch outputs/x oras-operator-done.txt; exit 3", 3, "nothing pushed: the program ended with exit code 3"},
		"does-not-finish": {"touch outputs/x", 0, "nothing pushed: the application script ended without making oras-operator-done.txt"},
		"is-killed":       {"touch outputs/x; kill -9 $$", 137, "nothing pushed: the program ended with exit code 137"},
		"leads-out":       {"ln -s /etc/passwd outputs/x; touch oras-operator-done.txt", 189, "nothing pushed: "},
		"removes-outputs": {"rmdir outputs; touch oras-operator-done.txt", 189, "nothing pushed: there is nothing at"},
	} {
		t.Run(name+" while oras waits", func(t *testing.T) {
			p := newScripted(t, "http://"+host+"/"+name+":1")
			oras := p.sidecar()
			wants(t, p.script(waits+c.script), c.code, "")
			wants(t, oras, 0, c.says)
		})
		t.Run(name+" before oras waits", func(t *testing.T) {
			p := newScripted(t, "http://"+host+"/"+name+":1")
			step := p.script(c.script + "\n")
			until(t, "its end", func() bool { return strings.Contains(step.stderr.String(), "waiting for the container oras") })
			oras := p.sidecar()
			wants(t, step, c.code, "")
			wants(t, oras, 0, c.says)
		})
	}
}

func TestNothingIsPushedOfAScriptWhoseContainerIsKilled(t *testing.T) {
	host := startRegistry(t)
	for name, c := range map[string]struct{ policy, says string }{
		"for good":                  {`{"restart":"Never"}`, "nothing pushed: the wrapped container ended without a verdict: it was killed"},
		"and another does not come": {`{"restart":"OnFailure"}`, "nothing pushed: the Pod was deleted"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newScripted(t, "http://"+host+"/killed:1")
			p.policy = c.policy
			oras := p.sidecar()
			step := p.script("touch oras-operator-done.txt outputs/x; exec sleep 600")
			until(t, "oras to know of it", func() bool { return strings.Contains(oras.stderr.String(), "wrapped container 1 runs") })
			until(t, "the script", isThere(p.Done()))
			step.kill()
			if p.policy == `{"restart":"Never"}` {
				wants(t, oras, 0, c.says)
				return
			}
			until(t, "what it said to be forgotten", func() bool { return !isThere(p.Done())() })
			must(t, oras.Process.Signal(syscall.SIGTERM))
			wants(t, oras, 143, c.says)
		})
	}
}

func TestAnOutputThatIsALinkToTheSecretIsNotPushed(t *testing.T) {
	p := newScripted(t, "http://"+startRegistry(t)+"/stolen:1")
	secret := t.TempDir()
	p.write(filepath.Join(secret, "ORAS_PUSH_PASS"), "s3cret")
	oras := p.sidecar("--credentials="+secret, "--credentials-host=ghcr.io")
	step := p.script("rmdir outputs; ln -s " + secret + " outputs; touch oras-operator-done.txt")
	wants(t, step, 189, "the step's Secret, or in it, which is never pushed")
	wants(t, oras, 0, "nothing pushed: ")
}

func TestWhatTheFirstAttemptSaidIsNotTheSeconds(t *testing.T) {
	p := newScripted(t, "http://"+startRegistry(t)+"/second:1")
	p.policy = `{"restart":"OnFailure"}`
	oras := p.sidecar()
	wants(t, p.script("touch oras-operator-done.txt; exit 1", "--oras-comes-back"), 1, "")
	wants(t, p.script("exit 0", "--oras-comes-back"), 0, "")
	wants(t, oras, 0, "ended without making oras-operator-done.txt")
}

func TestARestartedSidecarPushesWithoutTheScript(t *testing.T) {
	host := startRegistry(t)
	input := "http://" + host + "/in:1"
	makes(t, input, "mkdir out; echo x > out/x", "--output-path=out/.")
	p := newScripted(t, "http://127.0.0.1:1/again:1")
	p.policy = `{"restart":"OnFailure"}`
	first := p.sidecar("--timeout=5", "--input="+input)
	wants(t, p.script(waits+"echo x > outputs/x; touch oras-operator-done.txt", "--oras-comes-back"), 0, "")
	wants(t, first, 190, "127.0.0.1:1")
	p.output = "http://" + host + "/again:1"
	wants(t, p.sidecar("--input=http://127.0.0.1:1/in:1"), 0, `"digest"`)
	if got := manifestAt(t, p.output).Annotations["oras.converged-computing.github.io/input"]; got != digestOfTag(t, input) {
		t.Errorf("made from %q", got)
	}
}

func TestInputsOfAScriptThatCannotBeHad(t *testing.T) {
	p := newScripted(t, "")
	oras := p.sidecar("--input=http://" + startRegistry(t) + "/no/such:1")
	// The script waits in vain, and is told by its launcher.
	wants(t, p.script(waits), 181, "no/such:1")
	wants(t, oras, 181, "no/such:1")
}

// Beside a script, inputs lie on the volume packed and unpacked. What does not fit there is refused: the kubelet would
// evict the Pod.
func TestInputsOfAScriptThatAreLargerThanTheVolume(t *testing.T) {
	t.Parallel()
	h := newHostile(t)
	const room = 200 << 10
	files := func(count int, one func(name string) member) []byte {
		members := make([]member, count)
		for i := range members {
			members[i] = one(fmt.Sprint(i))
		}
		return tarOf(members...)
	}
	zeros := func(size int) []byte {
		return tarOf(member{kind: '0', name: "zeros", body: strings.Repeat("\x00", size)})
	}
	packed := func(name string, content []byte) layer { return h.archive(gzipped(t, content), name) }
	for name, c := range map[string]struct {
		layers []layer
		says   string
	}{
		"packed":                        {[]layer{h.blob(noise(room+1), "f")}, "room for 204800"},
		"packed, together":              {[]layer{h.blob(noise(room-100), "f"), h.blob(noise(101), "g")}, "room for 204800"},
		"unpacked":                      {[]layer{packed("d", zeros(room+1))}, "unpacked, at "},
		"unpacked, together":            {[]layer{packed("d", zeros(room/2)), packed("e", zeros(room/2+1))}, "unpacked, at "},
		"a file beside a directory":     {[]layer{packed("d", zeros(room/2)), h.blob(noise(room/2+1), "f")}, "unpacked, at "},
		"small files, in blocks":        {[]layer{packed("d", files(51, aFile))}, "unpacked, at "},
		"directories, in blocks":        {[]layer{packed("d", files(51, aDirectory))}, "unpacked, at "},
		"what follows the archive":      {[]layer{packed("d", append(zeros(1), make([]byte, room)...))}, "unpacked, at d"},
		"all that there is room for":    {[]layer{packed("d", zeros(room/2)), h.blob(noise(room/2), "f")}, ""},
		"all that there are blocks for": {[]layer{packed("d", files(50, aFile))}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newScripted(t, "")
			input, _ := h.put(t, manifestOf(t, c.layers))
			oras := p.sidecar("--input="+input, limitWithRoom(t, room))
			step := p.script(waits + "touch oras-operator-done.txt")
			if c.says == "" {
				wants(t, step, 0, "")
				wants(t, oras, 0, "")
				return
			}
			wants(t, step, 184, c.says)
			wants(t, oras, 184, "share-size-limit")
			if got := below(t, p.Inputs()); len(got) > 0 {
				t.Errorf("left %q", got)
			}
		})
	}
}

func TestASidecarWithoutAnOutput(t *testing.T) {
	p := newScripted(t, "")
	oras := p.sidecar()
	wants(t, p.script(waits+"touch oras-operator-done.txt"), 0, "")
	wants(t, oras, 0, "")
}

func TestOurApplicationBesideTheAuthorsSidecar(t *testing.T) {
	p := newScripted(t, "")
	in := filepath.Join(p.work, "in")
	step := p.application("cat in/sub/flour; ls -ld in/sub/tool | cut -c1-10", "--input-path="+in, "--output-pipe=log")
	until(t, "it to wait", func() bool { return strings.Contains(step.stderr.String(), "waiting for "+p.Ready()) })
	p.write(filepath.Join(p.Inputs(), "sub/flour"), "flour\n")
	p.write(filepath.Join(p.Inputs(), "sub/tool"), "")
	must(t, os.Chmod(filepath.Join(p.Inputs(), "sub/tool"), 0o750))
	p.write(p.Ready(), "")
	wants(t, step, 0, "")
	if got := step.stdout.String(); got != "flour\n-rwxr-x---\n" {
		t.Errorf("the program wrote %q", got)
	}
	if got := contentOf(t, filepath.Join(p.Outputs(), "log")); got != step.stdout.String() {
		t.Errorf("handed over %q", got)
	}
	contentOf(t, p.Done())
}

func TestWhatAnApplicationLeaves(t *testing.T) {
	for name, c := range map[string]struct {
		options []string
		script  string
		code    int
		says    string
		leaves  []string
	}{
		"a directory":            {[]string{"--output-path=x"}, "mkdir -p x/y; echo > x/y/z", 0, "", []string{"x", "x/y", "x/y/z"}},
		"a file":                 {[]string{"--output-path=sub/x"}, "mkdir sub; echo > sub/x", 0, "", []string{"x"}},
		"the working directory":  {nil, "echo > x", 0, "", []string{"flour", "x"}},
		"nothing":                {[]string{"--output-path=x"}, "true", 189, "there is nothing at x", nil},
		"a link that leads out":  {[]string{"--output-path=x"}, "mkdir x; ln -s /etc/passwd x/y", 189, "/etc/passwd", nil},
		"a failure":              {[]string{"--output-path=x"}, "echo > x; exit 5", 5, "", nil},
		"a program that is none": {[]string{"--output-path=x"}, "exec no-such-program 2>&-", 127, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			p := newScripted(t, "")
			p.write(filepath.Join(p.Inputs(), "flour"), "")
			p.write(p.Ready(), "")
			wants(t, p.application(c.script, c.options...), c.code, c.says)
			if got := below(t, p.Outputs()); strings.Join(got, " ") != strings.Join(c.leaves, " ") {
				t.Errorf("left %q, want %q", got, c.leaves)
			}
			contentOf(t, p.Done())
		})
	}
}

// below lists what is in a folder.
func below(t *testing.T, folder string) []string {
	t.Helper()
	var found []string
	must(t, filepath.WalkDir(folder, func(path string, _ os.DirEntry, err error) error {
		if path != folder {
			found = append(found, strings.TrimPrefix(path, folder+"/"))
		}
		return err
	}))
	return found
}

func TestInputsThatAnApplicationCannotTake(t *testing.T) {
	p := newScripted(t, "")
	must(t, os.Symlink("/etc/passwd", filepath.Join(p.Inputs(), "x")))
	p.write(p.Ready(), "")
	wants(t, p.application("touch ran", "--input-path=in"), 186, "/etc/passwd")
	contentOf(t, p.Done())
	if isThere(filepath.Join(p.work, "ran"))() {
		t.Error("the program ran")
	}
}

func TestAnApplicationWithoutPathsInTheRoot(t *testing.T) {
	p := newScripted(t, "")
	p.write(p.Ready(), "")
	p.work = "/"
	step := p.application("true")
	wants(t, step, 0, "")
	if !strings.Contains(step.stderr.String(), "no output is handed over") {
		t.Errorf("says %s", step.stderr.String())
	}
	contentOf(t, p.Done())
}

func TestAStoppedApplicationDoesNotWait(t *testing.T) {
	p := newScripted(t, "")
	step := p.application("true")
	until(t, "it to wait", func() bool { return strings.Contains(step.stderr.String(), "waiting for") })
	must(t, step.Process.Signal(syscall.SIGTERM))
	wants(t, step, 143, "")
	contentOf(t, p.Done())
}

func TestScriptsAreFetched(t *testing.T) {
	const script = "#!/bin/sh\necho hello\n"
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("token") != "s3cret" {
			w.WriteHeader(http.StatusForbidden)
		}
		_, _ = w.Write([]byte(script))
	}))
	t.Cleanup(server.Close)
	ca := filepath.Join(t.TempDir(), "ca.crt")
	must(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600))
	sum := sha256.Sum256([]byte(script))
	address := server.URL + "/x.sh?token=s3cret"
	for name, c := range map[string]struct {
		options []string
		code    int
		says    string
	}{
		"both":         {[]string{"--entrypoint=" + address, "--oras-entrypoint=" + address, "--ca-file=" + ca}, 0, ""},
		"pinned":       {[]string{"--entrypoint=" + address + "#sha256=" + hex.EncodeToString(sum[:]), "--ca-file=" + ca}, 0, ""},
		"changed":      {[]string{"--entrypoint=" + address + "#sha256=" + strings.Repeat("0", 64), "--ca-file=" + ca}, 185, "is not what its URL says: found sha256=" + hex.EncodeToString(sum[:])},
		"denied":       {[]string{"--oras-entrypoint=" + server.URL + "/x.sh?token=wr0ng", "--ca-file=" + ca}, 185, "/x.sh cannot be fetched: 127.0.0.1:"},
		"without a CA": {[]string{"--entrypoint=" + address, "--ca-file=/does/not/exist"}, 185, "a CA that is not known here"},
		"a broken CA":  {[]string{"--entrypoint=" + address, "--ca-file=/"}, 185, "the CAs in / cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPod(t, "")
			step := p.start(append([]string{"install", "--share=" + p.share, "--debug"}, c.options...)...)
			wants(t, step, c.code, c.says)
			if told := step.stderr.String(); strings.Contains(told, "s3cret") || strings.Contains(told, "wr0ng") {
				t.Errorf("told a token: %s", told)
			}
			for _, path := range []string{share.Root(p.share).Part(0).Entrypoint(), share.Root(p.share).Part(0).OrasEntrypoint()} {
				isAsked := strings.Contains(strings.Join(c.options, " "), "--"+strings.TrimSuffix(filepath.Base(path), ".sh")+"=")
				info, err := os.Stat(path)
				if isThere := err == nil; isThere != (isAsked && c.code == 0) {
					t.Errorf("%s is there: %v", path, isThere)
				}
				if err == nil && (info.Mode() != 0o755 || contentOf(t, path) != script) {
					t.Errorf("%s has mode %v and %q", path, info.Mode(), contentOf(t, path))
				}
			}
		})
	}
}

func TestTheFolderOfScriptsIsEmptyInAnotherSandbox(t *testing.T) {
	p := newScripted(t, "")
	for _, path := range []string{p.Ready(), p.Done(), filepath.Join(p.Outputs(), "x")} {
		p.write(path, "")
	}
	must(t, share.Root(p.share).MakeScripts())
	if got := strings.Join(below(t, p.share), " "); got != "0 0/agent scripts scripts/inputs scripts/outputs" {
		t.Errorf("there is %s", got)
	}
	for _, path := range []string{string(p.Scripts), p.Inputs(), p.Outputs()} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o777 {
			t.Errorf("%s has mode %v, %v", path, info.Mode(), err)
		}
	}
}
