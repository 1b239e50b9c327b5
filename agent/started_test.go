package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/converged-computing/oras-operator/agent/internal/proc"
	"golang.org/x/sys/unix"
)

func TestAContainerHasStartedWhenItsProgramRuns(t *testing.T) {
	p := newPod(t, "")
	wants(t, p.pull(), 0, "")
	probe := p.probe
	if code := probe(); code != 1 {
		t.Errorf("before the program: %d", code)
	}
	step := p.program("touch running; until [ -e go ]; do sleep 0.01; done")
	until(t, "the program to run", func() bool {
		_, err := os.Stat(filepath.Join(p.work, "running"))
		return err == nil
	})
	if code := probe(); code != 0 {
		t.Errorf("while the program runs: %d", code)
	}
	must(t, os.WriteFile(filepath.Join(p.work, "go"), nil, 0o600))
	wants(t, step, 0, "")
	if code := probe(); code != 1 {
		t.Errorf("after the program: %d", code)
	}
}

// probe is the startup probe of the first wrapped container.
func (p *pod) probe() int {
	c := p.prepared("started")
	c.Args = []string{c.Args[0], "started", "--share=" + filepath.Join(p.share, "0")}
	c.launch()
	code, _ := c.end()
	return code
}

// What a hook, or somebody who was in the container, has left behind becomes a child of process 1.
func TestAnOrphanIsNoProgram(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root may make a PID namespace")
	}
	input := "http://" + startRegistry(t) + "/orphan:1"
	makes(t, input, "echo x > x", "--output-path", "x")
	p := newPod(t, "")
	p.isProcess1 = true
	wants(t, p.pull(input), 0, "")
	// Its inputs are not whole before somebody writes into the pipe.
	list := filepath.Join(p.share, "0/inputs/inputs.json")
	text, err := os.ReadFile(list)
	must(t, err)
	must(t, errors.Join(os.Remove(list), unix.Mkfifo(list, 0o644)))
	step := p.program(": > running; until [ -e go ]; do sleep 0.01; done", "--input-path", p.work)
	left := exec.Command("nsenter", "--pid", "--target", strconv.Itoa(step.Process.Pid), "setsid", "sh", "-c", "sleep 600 >&- 2>&- &")
	if out, err := left.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	until(t, "the orphan", func() bool { return len(proc.Children(proc.Root, step.Process.Pid)) > 0 })
	if code := p.probe(); code != 1 {
		t.Errorf("before the program: %d", code)
	}
	must(t, os.WriteFile(list, text, 0))
	until(t, "the program to run", func() bool {
		_, err := os.Stat(filepath.Join(p.work, "running"))
		return err == nil
	})
	if code := p.probe(); code != 0 {
		t.Errorf("while the program runs: %d", code)
	}
	must(t, os.WriteFile(filepath.Join(p.work, "go"), nil, 0o600))
	wants(t, step, 0, "")
}
