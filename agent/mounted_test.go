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
	repository := input[:strings.LastIndex(input, ":")]
	for _, c := range []struct {
		input, decided string
		pinned         bool
	}{{repository + "@" + old, "", false}, {repository + "@" + old, "tag", false}, {input, old, true}} {
		output := cache.artifact()
		p := mounts(t, output, c.decided, c.pinned)
		wants(t, p.pull(c.input), 0, "")
		oras := p.push()
		wants(t, p.program("echo made > made; ls", "--output-path", "made"), 0, "")
		wants(t, oras, 0, `"digest":"sha256:`)
		manifest := mustStock(t, t.TempDir(), "manifest", "fetch", "--plain-http", plain(output))
		if !strings.Contains(manifest, old) {
			t.Errorf("%v: the output does not name its input %s: %s", c, old, manifest)
		}
		if left, _ := os.ReadDir(share.Root(p.share).Part(0).Inputs()); len(left) > 0 {
			t.Errorf("%v: found %v on the volume of the step", c, left)
		}
	}
}

// The tag of a volume may stand for something else in each container that is started, also where it has not moved yet, and where
// it is not there yet.
func TestAMountedInputThatHasATag(t *testing.T) {
	t.Parallel()
	cache := newCache(t)
	input := cache.artifact()
	makes(t, input, "echo x > x", "--output-path", "x")
	for _, c := range []struct{ input, decided string }{
		{input, ""}, {input, digestOfTag(t, input)}, {input, "tag"}, {input, "wait"}, {cache.artifact(), "wait"},
	} {
		code, message, log := mounts(t, "", c.decided, false).brings(c.input)
		if code != contract.ExitInputInvalid || !strings.Contains(message, "without a digest") {
			t.Errorf("%v: exit code %d and %q\n%s", c, code, message, log)
		}
	}
}
