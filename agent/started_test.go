package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAContainerHasStartedWhenItsProgramRuns(t *testing.T) {
	p := newPod(t, "")
	wants(t, p.pull(), 0, "")
	probe := func() int {
		c := p.prepared("started")
		c.Args = []string{c.Args[0], "started", "--share=" + filepath.Join(p.share, "0")}
		c.launch()
		code, _ := c.end()
		return code
	}
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

func TestTheParentOfAProcessWithAnyName(t *testing.T) {
	proc := t.TempDir()
	must(t, os.Mkdir(filepath.Join(proc, "7"), 0o755))
	must(t, os.WriteFile(filepath.Join(proc, "7", "stat"), []byte("7 (a) S 1 (b)) S 42 7 7 0"), 0o600))
	if parent := parentOf(proc, 7); parent != 42 {
		t.Errorf("%d", parent)
	}
	if !hasChild(proc, 42) || hasChild(proc, 1) {
		t.Error("wrong children")
	}
}
