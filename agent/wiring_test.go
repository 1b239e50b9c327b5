package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/converged-computing/oras-operator/agent/internal/protocol"
	"github.com/converged-computing/oras-operator/agent/internal/share"
)

// silent is a registry that takes connections and never answers.
func silent(t *testing.T) (host string, asked <-chan bool) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	met := make(chan bool, 10)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = conn.Close() })
			met <- true
		}
	}()
	return listener.Addr().String(), met
}

// As process 1 of a container, a program hears no signal that it has not asked for.
func TestASignalEndsWhatWaits(t *testing.T) {
	host, asked := silent(t)
	for name, arguments := range map[string][]string{
		"pull of an input":  {"pull", "--timeout=300", "--input=http://" + host + "/x:1"},
		"proof of a push":   {"pull", "--timeout=300", "--output=http://" + host + "/x:1"},
		"fetch of a script": {"install", "--entrypoint=https://" + host + "/x.sh"},
	} {
		for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
			t.Run(name+" "+signal.String(), func(t *testing.T) {
				p := newPod(t, "")
				p.isProcess1 = os.Getuid() == 0
				c := p.start(append(arguments, "--share="+p.share)...)
				<-asked
				must(t, c.Process.Signal(signal))
				wants(t, c, 128+int(signal), "stopped by SIG")
			})
		}
	}
}

func TestASignalEndsOrasThatWaitsForPrograms(t *testing.T) {
	host, asked := silent(t)
	for name, arguments := range map[string][]string{
		"push":    {"push", "--output=http://" + host + "/x:1"},
		"sidecar": {"sidecar", "--input=http://" + host + "/x:1"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPod(t, "")
			p.isProcess1 = os.Getuid() == 0
			must(t, share.Root(p.share).Install(1))
			must(t, share.Root(p.share).MakeScripts())
			c := p.start(append(arguments, "--share="+p.share, "--policy="+p.policy)...)
			if name == "sidecar" {
				<-asked
			}
			until(t, "it to listen", isThere(share.Root(p.share).Part(0).Socket()))
			must(t, c.Process.Signal(syscall.SIGTERM))
			wants(t, c, 143, "the Pod was deleted")
		})
	}
}

func TestALauncherOfAnotherReleaseIsToldSo(t *testing.T) {
	p := newPod(t, "http://127.0.0.1:1/x:1")
	part := share.Root(p.share).Part(0)
	must(t, os.Mkdir(string(part), 0o755))
	oras := p.push()
	until(t, "it to listen", isThere(part.Socket()))
	conn, err := net.Dial("unix", part.Socket())
	must(t, err)
	defer conn.Close()
	must(t, protocol.NewWriter(conn).Message(protocol.Hello, protocol.Greeting{Protocol: 99, Attempt: "a"}))
	kind, payload, err := protocol.NewReader(conn).Frame()
	must(t, err)
	failed, err := protocol.Decode[protocol.Failure](kind, payload)
	const says = "the wrapped container speaks version 99 of the agent's protocol, the container oras version 1"
	if err != nil || kind != protocol.Failed || failed.Code != 185 || !strings.HasPrefix(failed.Message, says) {
		t.Errorf("answered with %d: %+v, %v", kind, failed, err)
	}
	wants(t, oras, 185, says)
}

func TestALauncherEndsAsOrasOfAnotherReleaseSays(t *testing.T) {
	p := newPod(t, "http://127.0.0.1:1/x:1")
	part := share.Root(p.share).Part(0)
	must(t, os.Mkdir(string(part), 0o755))
	listener, err := net.Listen("unix", part.Socket())
	must(t, err)
	defer listener.Close()
	step := p.program("exec sleep 60")
	conn, err := listener.Accept()
	must(t, err)
	defer conn.Close()
	_, _, err = protocol.NewReader(conn).Frame()
	must(t, err)
	must(t, protocol.NewWriter(conn).Message(protocol.Failed, protocol.Failure{Code: 185, Message: "of another release"}))
	wants(t, step, 185, "of another release")
}

func TestDebugSaysWhatIsDoneWithoutSecrets(t *testing.T) {
	host := startRegistry(t)
	input := "http://" + host + "/a:1"
	makes(t, input, "mkdir out; echo a > out/a", "--output-path=out/.")
	secret := t.TempDir()
	for name, text := range map[string]string{"ORAS_USER": "me", "ORAS_PULL_PASS": "s3cret", "ORAS_PUSH_PASS": "s3cret"} {
		must(t, os.WriteFile(filepath.Join(secret, name), []byte(text), 0o600))
	}
	p := newPod(t, "http://"+host+"/b:1")
	login := []string{"--debug", "--timeout=5", "--share=" + p.share, "--credentials=" + secret, "--credentials-host=" + host, "--plain-login-host=" + host}
	pull := p.start(append([]string{"pull", "--input=" + input, "--output=" + p.output}, login...)...)
	wants(t, pull, 0, "")
	oras := p.start(append([]string{"push", "--output=" + p.output, "--policy=" + p.policy}, login...)...)
	step := p.program("echo > out; : s3cret", "--debug", "--input-path=in", "--output-path=out")
	wants(t, step, 0, "")
	wants(t, oras, 0, "digest")
	for _, c := range []struct {
		container *container
		says      []string
	}{
		{pull, []string{"timeout=5s", "GET http://" + host + "/v2/a/manifests/1: 200, after ", "/v2/a/blobs/sha256:", "credentials are in " + secret, "takes uploads"}},
		{step, []string{"input-path=in", `, as "" into in`, "connected to the container oras", "starting sh with 2 arguments", "ended with exit code 0", `handing over out as "out"`}},
		{oras, []string{"handed over out: 1 bytes", "PUT http://" + host + "/v2/b/"}},
	} {
		text := c.container.stderr.String()
		for _, says := range c.says {
			if !strings.Contains(text, says) {
				t.Errorf("does not say %q:\n%s", says, text)
			}
		}
		if strings.Contains(text, "s3cret") || strings.Contains(text, "_state=") {
			t.Errorf("tells a secret:\n%s", text)
		}
	}
	quiet := p.pull(input)
	if quiet.end(); strings.Contains(quiet.stderr.String(), "debug:") {
		t.Error("says so without being asked")
	}
}
