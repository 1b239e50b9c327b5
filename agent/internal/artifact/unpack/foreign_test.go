package unpack_test

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/treetest"
	"github.com/converged-computing/oras-operator/agent/internal/artifact/unpack"
)

func TestArchivesOfOtherPrograms(t *testing.T) {
	source := t.TempDir()
	shell(t, source, "bash", treetest.HardTree)
	t.Cleanup(func() { _ = os.Chmod(source+"/tree/ro", 0o755) })
	want := snapshot(t, source+"/tree")
	for name, c := range map[string]struct{ needs, script string }{
		"GNU tar, gnu":            {"tar", "tar --format=gnu -cf - tree"},
		"GNU tar, gnu sparse":     {"tar", "tar --format=gnu -S -cf - tree"},
		"GNU tar, pax":            {"tar", "tar --format=pax -cf - tree"},
		"GNU tar, oldgnu sparse":  {"tar", "tar --format=oldgnu -S -cf - tree"},
		"GNU tar, pax sparse 1.0": {"tar", "tar --format=pax -S --sparse-version=1.0 -cf - tree"},
		"GNU tar, pax sparse 0.1": {"tar", "tar --format=pax -S --sparse-version=0.1 -cf - tree"},
		"GNU tar, pax sparse 0.0": {"tar", "tar --format=pax -S --sparse-version=0.0 -cf - tree"},
		"bsdtar, pax":             {"bsdtar", "bsdtar --format=pax -cf - tree"},
		"bsdtar, gnutar":          {"bsdtar", "bsdtar --format=gnutar -cf - tree"},
		"Python, pax":             {"python3", "python3 -c 'import tarfile,sys; tarfile.open(fileobj=sys.stdout.buffer, mode=\"w|\", format=tarfile.PAX_FORMAT).add(\"tree\")'; head -c 1024 /dev/zero"},
		"Python, gnu":             {"python3", "python3 -c 'import tarfile,sys; tarfile.open(fileobj=sys.stdout.buffer, mode=\"w|\", format=tarfile.GNU_FORMAT).add(\"tree\")'; head -c 1024 /dev/zero"},
	} {
		t.Run(name, func(t *testing.T) {
			blob := shell(t, source, c.needs, c.script)
			in := t.TempDir()
			must(t, unpackAll(t, options(in), []byte(blob)))
			t.Cleanup(func() { _ = os.Chmod(in+"/tree/ro", 0o755) })
			compare(t, snapshot(t, in+"/tree"), want)
			if strings.Contains(name, "sparse") {
				for _, f := range []string{"a/sparse", "a/hole"} {
					if used := blocks(t, in+"/tree/"+f); used > 256 {
						t.Errorf("%s takes %d blocks", f, used)
					}
				}
			} else if used := blocks(t, in+"/tree/a/hole"); !strings.HasPrefix(name, "bsdtar") && used < 10_000 {
				t.Errorf("a/hole became sparse: %d blocks", used)
			}
		})
	}
}

// An image's layer has parents that no entry describes, whiteouts, absolute-looking dots, owners, and old types.
func TestImageLayer(t *testing.T) {
	in := t.TempDir()
	must(t, unpackAll(t, options(in), archive(t,
		file("etc/app/.wh..wh..opq", ""), file("etc/app/.wh.gone", ""), file("./etc/app/settings", "s"),
		entry{name: "etc/old", kind: '\x00', mode: 0o644, body: "old"}, entry{name: "etc/continuous", kind: tar.TypeCont, mode: 0o644, body: "c"},
		link("usr/bin/sh", "busybox"))))
	if got := snapshot(t, in); len(got) != 11 || read(t, in, "etc/old") != "old" {
		t.Errorf("%v", got)
	}
}

func TestAttributes(t *testing.T) {
	in := t.TempDir()
	if err := unix.Setxattr(in, "user.test", []byte("x"), 0); err != nil {
		t.Skipf("no extended attributes here: %v", err)
	}
	var told lines
	o := options(in)
	o.Tell = told.tell
	pax := map[string]string{"SCHILY.xattr.user.origin": "run\x007", "SCHILY.xattr.security.capability": "x", "SCHILY.xattr.trusted.other": "y"}
	must(t, unpackAll(t, o, archive(t, entry{name: "d", kind: tar.TypeDir, mode: 0o755, pax: map[string]string{"SCHILY.xattr.user.d": "1"}},
		entry{name: "d/f", kind: tar.TypeReg, mode: 0o444, body: "x", pax: pax})))
	buffer := make([]byte, 100)
	if n, err := unix.Getxattr(in+"/d/f", "user.origin", buffer); err != nil || string(buffer[:n]) != "run\x007" {
		t.Errorf("%q, %v", buffer[:max(n, 0)], err)
	}
	if n, err := unix.Getxattr(in+"/d", "user.d", buffer); err != nil || n != 1 {
		t.Errorf("directory: %v", err)
	}
	if len(told.all) != 1 || !strings.Contains(told.all[0], "user.") {
		t.Errorf("told %q", told.all)
	}
}

// Directories and files of somebody else, as an earlier step of another user left them.
func TestForeignDirectories(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root to make files of another user")
	}
	in := t.TempDir()
	must(t, os.Chmod(filepath.Dir(in), 0o755))
	must(t, os.MkdirAll(in+"/data/sub", 0o755))
	must(t, os.MkdirAll(in+"/data/closed", 0o755))
	must(t, os.WriteFile(in+"/data/sub/two", []byte("old"), 0o644))
	for _, p := range []string{in, in + "/data", in + "/data/sub"} {
		must(t, os.Chmod(p, 0o777|os.ModeSetgid))
		must(t, os.Chown(p, 1001, 3000))
		must(t, syscall.Chmod(p, 0o2777))
	}
	asUser(t, 2002, in, "data", "TestHelperUnpack")
	got := snapshot(t, in)
	if got["data"] != "dir 2777" || got["data/sub"] != "dir 2777" || read(t, in, "data/sub/two") != "new" || read(t, in, "data/sub/deep/three") != "3" {
		t.Errorf("%v", got)
	}
	var st unix.Stat_t
	must(t, unix.Stat(in+"/data/sub/deep/three", &st))
	if st.Gid != 3000 || st.Uid != 2002 {
		t.Errorf("owner %d:%d", st.Uid, st.Gid)
	}
}

// asUser runs a test of this binary as another user.
func asUser(t *testing.T, uid uint32, in, what, test string) {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	copied := filepath.Join(filepath.Dir(in), "self.test")
	b, err := os.ReadFile(self)
	must(t, err)
	must(t, os.WriteFile(copied, b, 0o755))
	output := runAs(t, uid, in, what, copied, test)
	if !strings.Contains(output, "PASS") {
		t.Errorf("%s", output)
	}
}

func TestHelperUnpack(t *testing.T) {
	in := os.Getenv("UNPACK_TEST_IN")
	if in == "" {
		t.Skip("runs as another user, for other tests")
	}
	must(t, unpackAll(t, options(in), archive(t, dir("data"), dir("data/sub"), file("data/sub/two", "new"), dir("data/sub/deep"), file("data/sub/deep/three", "3"))))
	err := unpackAll(t, options(in), archive(t, file("data/closed/f", "x")))
	if err == nil || !strings.Contains(err.Error(), "data/closed belongs to user 0 and cannot be written by user 2002") {
		t.Errorf("%v", err)
	}
}

// Whatever an archive says, nothing is touched outside, nothing is left after a failure, and nothing panics.
func FuzzTar(f *testing.F) {
	f.Add(archive(f, file("f", "x"), dir("d"), file("d/g", "y"), link("l", "f"), hard("h", "f")))
	f.Add(archive(f, file("../f", "x")))
	f.Add(archive(f, link("l", ".."), file("l/x", "x")))
	f.Add(archive(f, hard("h", "../outside/kept")))
	f.Add(archive(f, entry{name: "p", kind: tar.TypeReg, mode: 0o6777, body: "x", pax: map[string]string{"SCHILY.xattr.user.a": "b", "path": "q"}}))
	f.Add(archive(f, file(strings.Repeat("n", 150), "x"), file("old/link/x", "x"), file("link/y", "y")))
	f.Fuzz(func(t *testing.T, blob []byte) {
		root := t.TempDir()
		must(t, os.MkdirAll(root+"/outside", 0o755))
		must(t, os.WriteFile(root+"/outside/kept", []byte("kept"), 0o644))
		must(t, os.MkdirAll(root+"/in/old", 0o755))
		must(t, os.Symlink("old", root+"/in/link"))
		before, outside := snapshot(t, root+"/in"), snapshot(t, root+"/outside")
		o := options(root + "/in")
		o.Workers = 2
		o.Limits = unpack.Limits{Entries: 1000, Bytes: 1 << 20, PathBytes: 4096}
		if err := unpackAll(t, o, bytes.Clone(blob)); err != nil {
			compare(t, snapshot(t, root+"/in"), before)
		}
		compare(t, snapshot(t, root+"/outside"), outside)
		if entries, err := os.ReadDir(root); err != nil || len(entries) != 2 {
			t.Errorf("%v, %v", entries, err)
		}
		open(root + "/in")
	})
}

// open lets the directories of a tree be removed.
func open(path string) {
	_ = os.Chmod(path, 0o755)
	entries, _ := os.ReadDir(path)
	for _, e := range entries {
		if e.IsDir() {
			open(filepath.Join(path, e.Name()))
		}
	}
}
