package main

import (
	"os"
	"strings"
	"testing"

	"github.com/converged-computing/oras-operator/agent/internal/contract"
	"github.com/converged-computing/oras-operator/agent/internal/share"
)

// mounts is a Pod whose input is a volume; decided is the Pod's annotation, pinned says that the volume has its digest.
func mounts(t *testing.T, output, decided string, pinned bool) *pod {
	p := newPod(t, output)
	p.pullOptions = []string{"--mounted-inputs"}
	if decided != "" {
		p.pullOptions = append(p.pullOptions, "--wait-for-inputs")
		p.environment = []string{contract.InputDigestsVariable + "=" + decided}
	}
	if pinned {
		p.environment = append(p.environment, contract.InputPinnedVariable+"=true")
	}
	return p
}

// What is made of an input that a node has mounted says which one that was, and nothing of it is pulled.
func TestAnInputThatIsMounted(t *testing.T) {
	t.Parallel()
	cache := newCache(t)
	input := cache.artifact()
	makes(t, input, "echo old > x", "--output-path", "x")
	old := digestOfTag(t, input)
	makes(t, input, "echo new > x", "--output-path", "x")
	now := digestOfTag(t, input)
	for _, c := range []struct {
		decided string
		pinned  bool
		want    string
	}{{"", false, now}, {now, false, now}, {"tag", false, now}, {"wait", false, now}, {now, true, now}, {old, true, old}} {
		output := cache.artifact()
		p := mounts(t, output, c.decided, c.pinned)
		wants(t, p.pull(input), 0, "")
		oras := p.push()
		wants(t, p.program("echo made > made; ls", "--output-path", "made"), 0, "")
		wants(t, oras, 0, `"digest":"sha256:`)
		manifest := mustStock(t, t.TempDir(), "manifest", "fetch", "--plain-http", plain(output))
		if !strings.Contains(manifest, c.want) {
			t.Errorf("%v: the output does not name its input %s: %s", c, c.want, manifest)
		}
		if left, _ := os.ReadDir(share.Root(p.share).Part(0).Inputs()); len(left) > 0 {
			t.Errorf("%v: found %v on the volume of the step", c, left)
		}
	}
}

// A tag that has moved since the step was let go may have moved before the node mounted it, or after.
func TestAMountedInputWhoseTagMoved(t *testing.T) {
	t.Parallel()
	input := newCache(t).artifact()
	makes(t, input, "echo old > x", "--output-path", "x")
	old := digestOfTag(t, input)
	makes(t, input, "echo new > x", "--output-path", "x")
	p := mounts(t, "", old, false)
	code, message, log := p.brings(input)
	if code != contract.ExitInputInvalid || !strings.Contains(message, old) || !strings.Contains(message, digestOfTag(t, input)) {
		t.Errorf("exit code %d and %q\n%s", code, message, log)
	}
	if p.streams {
		return // Its container ends with the step.
	}
	// What was seen once counts for the whole life of the Pod, as what is mounted does.
	p = mounts(t, "", "", false)
	if code, message, _ := p.brings(input); code != 0 {
		t.Fatalf("exit code %d and %q", code, message)
	}
	makes(t, input, "echo newer > x", "--output-path", "x")
	if code, message, _ := p.brings(input); code != 0 {
		t.Errorf("exit code %d and %q", code, message)
	}
}
