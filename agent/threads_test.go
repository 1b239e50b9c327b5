package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// A program that starts processes until its Pod may have no more, or threads, has its output packed and pushed all the
// same. The limit of a user is as that of a Pod, but that root has none.
func TestNoProcessIsLeft(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root may run processes as another user")
	}
	const user = 20117
	host := startRegistry(t)
	for name, options := range map[string][]string{"a directory": {"--output-path=out"}, "a pipe": {"--output-path=out", "--output-pipe=log"}} {
		t.Run(name, func(t *testing.T) {
			p := newPod(t, "http://"+host+"/"+strings.ReplaceAll(name, " ", "-")+":1")
			letReach(t, p.share)
			letReach(t, p.work)
			must(t, os.Chmod(p.work, 0o777))
			wants(t, p.pull(), 0, "")
			limited := func(c *container) *container {
				letReach(t, filepath.Dir(c.message))
				// The agent of the share, as in the Pod: every user may run it.
				c.Path = filepath.Join(p.share, "0/agent")
				c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
				c.launch()
				return c
			}
			must(t, errors.Join(os.Chmod(p.share, 0o777), os.Chown(filepath.Join(p.share, "0"), user, user)))
			oras := limited(p.prepared("push", "--share="+p.share, "--output", p.output, "--timeout=60", "--policy="+p.policy))
			script := `mkdir out; i=0; while [ $i -lt 2000 ]; do echo $i > out/$i; i=$((i+1)); done; : > ready; until [ -e go ]; do :; done`
			step := limited(p.wrapped(0, []string{"sh", "-c", script}, options...))
			until(t, "the program, and oras to know of it", func() bool {
				_, err := os.Stat(filepath.Join(p.work, "ready"))
				return err == nil && strings.Contains(oras.stderr.String(), "runs")
			})
			for _, c := range []*container{oras, step} {
				// A user may limit its own processes; root of a container, not those of others.
				limit := exec.Command("prlimit", "--pid", strconv.Itoa(c.Process.Pid), "--nproc=1")
				limit.SysProcAttr = c.SysProcAttr
				if out, err := limit.CombinedOutput(); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
			}
			must(t, os.WriteFile(filepath.Join(p.work, "go"), nil, 0o600))
			wants(t, step, 0, "")
			if wants(t, oras, 0, ""); !strings.Contains(oras.stderr.String(), "pushed ") {
				t.Errorf("oras says %s", oras.stderr.String())
			}
		})
	}
}

// letReach lets every user reach a temporary folder of a test.
func letReach(t *testing.T, folder string) {
	for ; folder != os.TempDir() && folder != "/"; folder = filepath.Dir(folder) {
		must(t, os.Chmod(folder, 0o755))
	}
}
