package unpack_test

import (
	"archive/tar"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/converged-computing/oras-operator/agent/internal/failure"
	"github.com/converged-computing/oras-operator/agent/internal/testprogram"
)

func TestMountInsideTheTarget(t *testing.T) {
	in := t.TempDir()
	testprogram.Mount(t, in+"/results", "mode=2775")
	testprogram.Mount(t, in+"/results/deep/other", "")
	one := archive(t, dir("results"), dir("results/deep"), file("results/deep/f", "x"), file("results/g", "y"), file("results/deep/other/h", "z"),
		hard("hard", "results/g"), file("top", "t"))
	for range 2 {
		must(t, unpackAll(t, options(in), one))
		got := snapshot(t, in)
		if got["results"] != "dir 2775" || read(t, in, "results/deep/f") != "x" || read(t, in, "results/g") != "y" || read(t, in, "results/deep/other/h") != "z" || read(t, in, "hard") != "y" || len(got) != 9 {
			t.Errorf("%v", got)
		}
	}
}

func TestLinksBetweenMounts(t *testing.T) {
	root := t.TempDir()
	testprogram.Mount(t, root+"/work", "")
	testprogram.Mount(t, root+"/pvc", "")
	must(t, os.Mkdir(root+"/image", 0o755))
	must(t, os.Symlink(root+"/pvc", root+"/work/data"))
	must(t, os.Symlink(root+"/image", root+"/work/planted"))
	must(t, unpackAll(t, options(root+"/work"), archive(t, file("data/f", "x"))))
	if read(t, root, "pvc/f") != "x" {
		t.Error("the file is not on the other volume")
	}
	err := unpackAll(t, options(root+"/work"), archive(t, file("planted/f", "x")))
	if f := failure.As(err); f == nil || !strings.Contains(f.Message, "leads from a volume into the container's own file system") {
		t.Errorf("%v", err)
	}
}

func TestNoRoom(t *testing.T) {
	in := t.TempDir() + "/in"
	testprogram.Mount(t, in, "size=1m")
	must(t, os.WriteFile(in+"/large", []byte("old"), 0o644))
	for name, a := range map[string][]byte{
		"large": archive(t, file("large", strings.Repeat("x", 3<<20))),
		"small": archive(t, file("a", strings.Repeat("x", 100_000)), file("b", strings.Repeat("x", 100_000)), file("large", strings.Repeat("x", 100_000)), file("c", strings.Repeat("x", 2<<20))),
	} {
		err := unpackAll(t, options(in), a)
		if f := failure.As(err); f == nil || !strings.Contains(f.Message, "no space left on device") || !strings.Contains(f.Message, in+"/") {
			t.Errorf("%s: %v", name, err)
		}
		if got := snapshot(t, in); len(got) != 2 || read(t, in, "large") != "old" {
			t.Errorf("%s left %v", name, got)
		}
	}
}

// The target is a directory that may not be written, but what the input has lies in one that may.
func TestTargetThatIsOnlyPassed(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root writes everywhere; runs as another user")
	}
	root := t.TempDir()
	must(t, os.MkdirAll(root+"/tmp", 0o755))
	must(t, os.Chmod(root, 0o555))
	t.Cleanup(func() { _ = os.Chmod(root, 0o755) })
	must(t, unpackAll(t, options(root), archive(t, dir("."), dir("tmp"), file("tmp/one", "1"))))
	if got := snapshot(t, root); read(t, root, "tmp/one") != "1" || got["."] != "dir 555" {
		t.Errorf("%v", got)
	}
}

// The whole file system as the target, as an author writes with input-path "/": in a root of its own, without /proc.
func TestRootAsTarget(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs chroot")
	}
	root := t.TempDir()
	must(t, os.MkdirAll(root+"/usr/bin", 0o755))
	must(t, os.MkdirAll(root+"/usr/lib", 0o755))
	must(t, os.Symlink("usr/bin", root+"/bin"))
	must(t, os.Symlink("/usr/lib", root+"/lib"))
	self, err := os.Executable()
	must(t, err)
	b, err := os.ReadFile(self)
	must(t, err)
	must(t, os.WriteFile(root+"/self", b, 0o755))
	c := exec.CommandContext(t.Context(), "/self", "-test.run", "^TestHelperRoot$", "-test.v")
	c.Dir, c.Env = "/", []string{"UNPACK_TEST_IN=/"}
	c.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
	out, err := c.CombinedOutput()
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("the test is not a static program")
	}
	if err != nil || !strings.Contains(string(out), "PASS") {
		t.Fatalf("%v: %s", err, out)
	}
	must(t, os.Remove(root+"/self"))
	got := snapshot(t, root)
	if read(t, root, "usr/bin/tool") != "t" || read(t, root, "usr/lib/so") != "s" || got["bin"] != "link usr/bin" || got["lib"] != "link /usr/lib" || got["etc/alternative"] != "link /usr/bin/tool" || len(got) != 11 || got["etc"] != "dir 755" {
		t.Errorf("%v", got)
	}
	if !strings.HasPrefix(got["wide"], "file 666") {
		t.Errorf("%s", got["wide"])
	}
}

func TestHelperRoot(t *testing.T) {
	if os.Getenv("UNPACK_TEST_IN") != "/" {
		t.Skip("runs in a root of its own, for another test")
	}
	must(t, unpackAll(t, options("/"), archive(t, dir("./"), dir("bin"), file("bin/tool", "t"), dir("lib"), file("lib/so", "s"), link("etc/alternative", "/usr/bin/tool"),
		entry{name: "wide", kind: tar.TypeReg, mode: 0o666})))
}
