package unpack_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/unpack"
	"github.com/converged-computing/oras-operator/agent/internal/failure"
)

func TestTreeArrives(t *testing.T) {
	in := t.TempDir()
	big := strings.Repeat("0123456789abcdef", 100_000)
	must(t, unpackAll(t, options(in), archive(t,
		dir("./"), dir("./a/"), file("./a/one", "1"), file("./a/big", big), file("a/empty", ""),
		entry{name: "a/tool", kind: tar.TypeReg, mode: 0o6755, body: "#!"}, entry{name: "a/secret", kind: tar.TypeReg, mode: 0o600, body: "s"},
		entry{name: "ro", kind: tar.TypeDir, mode: 0o555}, entry{name: "ro/f", kind: tar.TypeReg, mode: 0o444, body: "f"},
		entry{name: "t", kind: tar.TypeDir, mode: 0o7777}, dir("empty"), file("implied/deep/f", "d"), entry{name: "wide", kind: tar.TypeReg, mode: 0o666},
		link("a/up", "../ro/f"), link("dangling", "nowhere"), hard("a/hard", "a/one"), hard("early", "late"), file("late", "l"),
	)))
	got := snapshot(t, in)
	for name, want := range map[string]string{
		"a/tool": "file 755 2", "a/secret": "file 600 1", "ro": "dir 555", "ro/f": "file 444 1", "t": "dir 1777",
		"empty": "dir 755", "implied/deep": "dir 755", "wide": "file 666 0", "a/up": "link ../ro/f", "dangling": "link nowhere", "a/big": "file 644 1600000",
	} {
		if !strings.HasPrefix(got[name], want) {
			t.Errorf("%s: %s, want %s", name, got[name], want)
		}
	}
	if read(t, in, "a/big") != big || read(t, in, "a/hard") != "1" || read(t, in, "early") != "l" || read(t, in, "implied/deep/f") != "d" {
		t.Error("other content")
	}
	if !strings.Contains(got["a/one"]+got["a/hard"], "same as") {
		t.Error("a hard link became a file")
	}
	info, err := os.Stat(filepath.Join(in, "a/one"))
	must(t, err)
	if !info.ModTime().Equal(now) {
		t.Errorf("time %v", info.ModTime())
	}
	must(t, os.Chmod(in+"/ro", 0o755))
	if len(got) != 20 {
		t.Errorf("%d paths: %v", len(got), got)
	}
}

func TestHostileArchives(t *testing.T) {
	long := strings.Repeat("d/", 3000) + "f"
	cases := map[string]struct {
		entries []entry
		words   string
	}{
		"climbs":                                     {[]entry{file("../outside/evil", "x")}, "leads out"},
		"climbs behind a name":                       {[]entry{file("a/../../outside/evil", "x")}, "leads out"},
		"absolute":                                   {[]entry{file("/abs", "x")}, "absolute"},
		"link out":                                   {[]entry{link("l", "../outside/kept")}, "leads out"},
		"link to an absolute path":                   {[]entry{link("l", "/etc/passwd")}, "leads out"},
		"link that climbs behind a name":             {[]entry{link("a/l", "b/../../../outside")}, "leads out"},
		"link, then a file through it":               {[]entry{link("l", "d"), file("l/f", "x")}, "link"},
		"directory, then a link":                     {[]entry{file("l/f", "x"), link("l", "d")}, "as a directory"},
		"file, then a directory":                     {[]entry{file("f", "x"), file("f/g", "x")}, "as a directory"},
		"hard link out":                              {[]entry{hard("h", "../outside/kept")}, "leads out"},
		"hard link to itself":                        {[]entry{hard("h", "h")}, "no file"},
		"hard link to nothing":                       {[]entry{hard("h", "nothing")}, "no file"},
		"hard link to a directory":                   {[]entry{dir("d"), hard("h", "d")}, "no file"},
		"hard link to a link that leaves from there": {[]entry{link("a/b/l", "../../x"), hard("h", "a/b/l")}, "leads out"},
		"device":            {[]entry{{name: "dev", kind: tar.TypeChar}}, "device"},
		"pipe":              {[]entry{{name: "p", kind: tar.TypeFifo}}, "device or a pipe"},
		"path too long":     {[]entry{file(long, "x")}, "more than 4096"},
		"name too long":     {[]entry{file(strings.Repeat("x", 256), "x")}, "more than 255"},
		"file for the root": {[]entry{file("./.", "x")}, "target"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			must(t, os.MkdirAll(root+"/outside", 0o755))
			must(t, os.WriteFile(root+"/outside/kept", []byte("kept"), 0o644))
			err := unpackAll(t, options(root+"/in"), archive(t, append([]entry{file("first", "1")}, c.entries...)...))
			f := failure.As(err)
			if f == nil || f.Code != code || !strings.Contains(f.Message, c.words) {
				t.Errorf("%v, want %q", err, c.words)
			}
			compare(t, snapshot(t, root+"/in"), map[string]string{".": snapshot(t, root+"/in")["."]})
			if got := snapshot(t, root+"/outside"); len(got) != 2 || read(t, root, "outside/kept") != "kept" {
				t.Errorf("outside: %v", got)
			}
		})
	}
}

func TestLaterEntriesAndInputsWin(t *testing.T) {
	in := t.TempDir()
	must(t, unpackAll(t, options(in),
		archive(t, file("f", "1"), file("f", "two"), link("l", "a"), file("l", "file"), file("m", "file"), link("m", "b"), file("both", "1"), dir("d"), file("d/x", "1")),
		archive(t, file("both", "2"), file("d/y", "2"))))
	for name, want := range map[string]string{"f": "two", "l": "file", "both": "2", "d/x": "1", "d/y": "2"} {
		if got := read(t, in, name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	if to, _ := os.Readlink(in + "/m"); to != "b" {
		t.Errorf("m -> %s", to)
	}
}

func TestSecondInputDoesNotFollowLinksOfTheFirst(t *testing.T) {
	in := t.TempDir()
	err := unpackAll(t, options(in), archive(t, dir("real"), link("l", "real")), archive(t, file("l/f", "x")))
	if f := failure.As(err); f == nil || !strings.Contains(f.Message, "a link") {
		t.Errorf("%v", err)
	}
}

func TestNothingIsThereBeforeCommit(t *testing.T) {
	in := t.TempDir()
	must(t, os.WriteFile(in+"/old", []byte("old"), 0o644))
	target, err := unpack.Open(options(in))
	must(t, err)
	must(t, target.Tar(t.Context(), bytes.NewReader(archive(t, file("old", "new"), file("d/f", "x")))))
	if got := read(t, in, "old"); got != "old" {
		t.Errorf("old: %q", got)
	}
	if _, err := os.Stat(in + "/d"); !errors.Is(err, os.ErrNotExist) {
		t.Error("d is there")
	}
	target.Close()
	if got := snapshot(t, in); len(got) != 2 {
		t.Errorf("left: %v", got)
	}
}

func TestFailureNamesTheFirstPath(t *testing.T) {
	for range 20 {
		in := t.TempDir()
		for _, d := range []string{"a/x", "b/x", "c/x"} {
			must(t, os.MkdirAll(filepath.Join(in, d), 0o755))
		}
		err := unpackAll(t, options(in), archive(t, file("a/x", "")))
		if f := failure.As(err); f == nil || !strings.Contains(f.Message, in+"/a/x where a directory is") {
			t.Fatalf("%v", err)
		}
	}
}

func TestWhatIsThere(t *testing.T) {
	t.Run("a file where the input has a directory", func(t *testing.T) {
		in := t.TempDir()
		must(t, os.WriteFile(in+"/x", nil, 0o644))
		err := unpackAll(t, options(in), archive(t, dir("x"), file("x/y", "d")))
		if f := failure.As(err); f == nil || !strings.Contains(f.Message, in+"/x where a file is") {
			t.Errorf("%v", err)
		}
	})
	t.Run("a dangling link where the input has a directory", func(t *testing.T) {
		in := t.TempDir()
		must(t, os.Symlink("nowhere", in+"/x"))
		err := unpackAll(t, options(in), archive(t, dir("x"), file("x/y", "d")))
		if f := failure.As(err); f == nil || !strings.Contains(f.Message, "a link to nowhere") {
			t.Errorf("%v", err)
		}
	})
	t.Run("a link where the input has a file is replaced", func(t *testing.T) {
		root := t.TempDir()
		must(t, os.WriteFile(root+"/kept", []byte("kept"), 0o644))
		must(t, os.Mkdir(root+"/in", 0o755))
		must(t, os.Symlink("../kept", root+"/in/x"))
		must(t, unpackAll(t, options(root+"/in"), archive(t, file("x", "new"))))
		if read(t, root, "kept") != "kept" || read(t, root, "in/x") != "new" {
			t.Error("written through a link")
		}
	})
	t.Run("a hard-linked file is not written through", func(t *testing.T) {
		root := t.TempDir()
		must(t, os.WriteFile(root+"/kept", []byte("kept"), 0o644))
		must(t, os.Mkdir(root+"/in", 0o755))
		must(t, os.Link(root+"/kept", root+"/in/x"))
		must(t, unpackAll(t, options(root+"/in"), archive(t, file("x", "new"))))
		if read(t, root, "kept") != "kept" || read(t, root, "in/x") != "new" {
			t.Error("written through a link")
		}
	})
	t.Run("directories keep their modes and their files", func(t *testing.T) {
		in := t.TempDir()
		must(t, os.MkdirAll(in+"/d/e", 0o755))
		must(t, os.Chmod(in+"/d", 0o750))
		must(t, os.WriteFile(in+"/d/kept", []byte("kept"), 0o644))
		must(t, unpackAll(t, options(in), archive(t, entry{name: "d", kind: tar.TypeDir, mode: 0o777}, file("d/f", "1"), file("d/e/g", "2"))))
		got := snapshot(t, in)
		if got["d"] != "dir 750" || read(t, in, "d/kept") != "kept" || read(t, in, "d/e/g") != "2" || len(got) != 6 {
			t.Errorf("%v", got)
		}
	})
	t.Run("links to directories are followed", func(t *testing.T) {
		root := t.TempDir()
		must(t, os.MkdirAll(root+"/in/usr/bin", 0o755))
		must(t, os.MkdirAll(root+"/pvc", 0o755))
		must(t, os.Symlink("usr/bin", root+"/in/bin"))
		must(t, os.Symlink(root+"/pvc", root+"/in/data"))
		must(t, unpackAll(t, options(root+"/in"), archive(t, dir("bin"), file("bin/tool", "t"), file("usr/bin/sub/a", "a"), file("bin/sub/b", "b"),
			file("data/f", "x"), dir("data/sub"), file("data/sub/g", "y"))))
		if read(t, root, "in/usr/bin/tool") != "t" || read(t, root, "pvc/f") != "x" || read(t, root, "pvc/sub/g") != "y" ||
			read(t, root, "in/usr/bin/sub/a") != "a" || read(t, root, "in/usr/bin/sub/b") != "b" {
			t.Error("files are elsewhere")
		}
		for _, name := range []string{"bin", "data"} {
			if _, err := os.Readlink(root + "/in/" + name); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		err := unpackAll(t, options(root+"/in"), archive(t, link("data/l", "../x")))
		if f := failure.As(err); f == nil || !strings.Contains(f.Message, "leads out") {
			t.Errorf("a link that leaves the place behind a link: %v", err)
		}
	})
	t.Run("setgid of a directory passes on", func(t *testing.T) {
		in := t.TempDir()
		must(t, os.Mkdir(in+"/d", 0o755))
		must(t, os.Chmod(in+"/d", 0o755|os.ModeSetgid))
		must(t, unpackAll(t, options(in), archive(t, entry{name: "d/new", kind: tar.TypeDir, mode: 0o777}, file("d/new/f", ""))))
		if got := snapshot(t, in); got["d/new"] != "dir 2777" || got["d"] != "dir 2755" {
			t.Errorf("%v", got)
		}
	})
}

// As root nothing is read-only; the program's user mostly is not root.
func TestReadOnlyDirectoriesTwice(t *testing.T) {
	in := t.TempDir()
	one := archive(t, entry{name: "pkg/mod@v1", kind: tar.TypeDir, mode: 0o555}, entry{name: "pkg/mod@v1/go.mod", kind: tar.TypeReg, mode: 0o444, body: "x"})
	two := archive(t, file("pkg/mod@v1/more", "y"), dir("pkg/mod@v1/sub"))
	must(t, unpackAll(t, options(in), one, two))
	for range 2 {
		must(t, unpackAll(t, options(in), one, two))
		if got := snapshot(t, in); got["pkg/mod@v1"] != "dir 555" || len(got) != 6 {
			t.Errorf("%v", got)
		}
	}
	must(t, os.Chmod(in+"/pkg/mod@v1", 0o755))
}

func TestAbandonedStagesAreRemovedAndLiveOnesAreNot(t *testing.T) {
	in := t.TempDir()
	must(t, os.MkdirAll(in+"/.oras-partial-DEAD/0/d", 0o755))
	must(t, os.WriteFile(in+"/.oras-partial-DEAD/0/d/f", nil, 0o644))
	first, err := unpack.Open(options(in))
	must(t, err)
	must(t, first.Tar(t.Context(), bytes.NewReader(archive(t, file("d/one", "1"), file("f", "1")))))
	must(t, unpackAll(t, options(in), archive(t, file("d/two", "2"), file("f", "2"))))
	must(t, first.Commit(t.Context()))
	first.Close()
	if got := snapshot(t, in); len(got) != 5 || read(t, in, "d/one") != "1" || read(t, in, "d/two") != "2" || read(t, in, "f") != "1" {
		t.Errorf("%v", got)
	}
}

func TestLimits(t *testing.T) {
	many := []entry{}
	for i := range 11 {
		many = append(many, file(fmt.Sprint(i), "0123456789"))
	}
	for name, set := range map[string]func(*unpack.Limits){
		"entries": func(l *unpack.Limits) { l.Entries = 10 },
		"bytes":   func(l *unpack.Limits) { l.Bytes = 11*4096 - 1 },
	} {
		o := options(t.TempDir())
		set(&o.Limits)
		if f := failure.As(unpackAll(t, o, archive(t, many...))); f == nil || !strings.Contains(f.Message, "more than is allowed") {
			t.Errorf("%s: %v", name, f)
		}
		o.Limits.Entries, o.Limits.Bytes = 11, 11*4096
		must(t, unpackAll(t, o, archive(t, many...)))
	}
}

func TestDamage(t *testing.T) {
	whole := archive(t, file("f", strings.Repeat("x", 5000)), file("g", strings.Repeat("x", 500_000)))
	garbled := bytes.Clone(whole)
	garbled[100] ^= 1
	for name, bad := range map[string][]byte{"cut in a file": whole[:2000], "cut in a large file": whole[:100_000], "not tar": []byte(strings.Repeat("hello", 300)), "garbled": garbled, "cut in a header": whole[:100]} {
		in := t.TempDir()
		if f := failure.As(unpackAll(t, options(in), bad)); f == nil || !strings.Contains(f.Message, "damaged") {
			t.Errorf("%s: %v", name, f)
		}
		if got := snapshot(t, in); len(got) != 1 {
			t.Errorf("%s left %v", name, got)
		}
	}
	fault := errors.New("the network went away")
	target, err := unpack.Open(options(t.TempDir()))
	must(t, err)
	err = target.Tar(t.Context(), io.MultiReader(bytes.NewReader(whole[:100_000]), iotest.ErrReader(fault)))
	if !errors.Is(err, fault) {
		t.Errorf("%v", err)
	}
	if err := target.Commit(t.Context()); err == nil {
		t.Error("committed after a failure")
	}
	target.Close()
}

func TestCancellation(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	target, err := unpack.Open(options(t.TempDir()))
	must(t, err)
	cause := iotest.DataErrReader(bytes.NewReader(archive(t, file("f", "1"))))
	cancel()
	if err := target.Tar(ctx, cause); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	target.Close()
}

func TestFiles(t *testing.T) {
	in := t.TempDir()
	big := strings.Repeat("z", 3<<20)
	target, err := unpack.Open(options(in))
	must(t, err)
	must(t, target.File(t.Context(), "tool", 0o755, 4, strings.NewReader("tool")))
	must(t, target.File(t.Context(), "./a/b.txt", 0o644, int64(len(big)), strings.NewReader(big)))
	must(t, target.Commit(t.Context()))
	target.Close()
	got := snapshot(t, in)
	if !strings.HasPrefix(got["tool"], "file 755 4") || read(t, in, "a/b.txt") != big {
		t.Errorf("%v", got)
	}
	for _, c := range []struct {
		title string
		size  int64
	}{{"../x", 1}, {"", 1}, {"x", 2}, {"x", 0}, {"big", 1 << 20}} {
		target, err := unpack.Open(options(t.TempDir()))
		must(t, err)
		if err := target.File(t.Context(), c.title, 0o644, c.size, strings.NewReader("1")); err == nil {
			t.Errorf("%q of %d bytes is taken", c.title, c.size)
		}
		target.Close()
	}
}

func TestUmaskIsNoMatter(t *testing.T) {
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	in := t.TempDir()
	must(t, unpackAll(t, options(in), archive(t, entry{name: "d", kind: tar.TypeDir, mode: 0o777}, entry{name: "d/f", kind: tar.TypeReg, mode: 0o666})))
	if got := snapshot(t, in); got["d"] != "dir 777" || !strings.HasPrefix(got["d/f"], "file 666") {
		t.Errorf("%v", got)
	}
}

func TestDeepTrees(t *testing.T) {
	in := t.TempDir()
	deep := strings.Repeat("d/", 2047)
	must(t, unpackAll(t, options(in), archive(t, file(deep+"f", "x"))))
	shell(t, in, "find", "test $(find . -name f | wc -l) = 1; rm -rf d")
}

func TestWithoutOpenat2(t *testing.T) {
	stepByStep = true
	defer func() { stepByStep = false }()
	t.Run("tree", TestTreeArrives)
	t.Run("hostile", TestHostileArchives)
	t.Run("there", TestWhatIsThere)
	t.Run("twice", TestReadOnlyDirectoriesTwice)
	t.Run("links", TestSecondInputDoesNotFollowLinksOfTheFirst)
}

// Who reads the message of a container does not know its working directory.
func TestTheTargetIsNamedFromTheRootOn(t *testing.T) {
	working := t.TempDir()
	t.Chdir(working)
	for path, want := range map[string]string{".": working, "in": working + "/in", "in/": working + "/in", "/tmp/..": "/"} {
		err := unpackAll(t, options(path), archive(t, file(".", "x")))
		if err == nil || !strings.HasSuffix(err.Error(), " target "+want+" itself") {
			t.Errorf("%s: %v", path, err)
		}
	}
}
