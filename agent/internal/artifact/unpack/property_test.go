package unpack_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/unpack"
	"github.com/converged-computing/oras-operator/agent/internal/failure"
)

// Whatever entries inputs have, in whatever order, and whatever was there: nothing outside changes, a failure leaves what
// was there, and no link that is there afterwards leads out, by the kernel's own judgement.
func TestNothingLeavesTheTarget(t *testing.T) {
	base := t.TempDir()
	path := rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "l", "m", ".", "..", "usr", "bin"}), 1, 4), func(s []string) string { return strings.Join(s, "/") })
	inner := rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "l", "m", "usr", "bin"}), 1, 3), func(s []string) string { return strings.Join(s, "/") })
	name := rapid.OneOf(inner, inner, inner, path)
	one := rapid.Custom(func(t *rapid.T) entry {
		e := entry{name: name.Draw(t, "name"), mode: int64(rapid.SampledFrom([]int{0o644, 0o755, 0o400, 0o7777}).Draw(t, "mode"))}
		switch rapid.IntRange(0, 4).Draw(t, "kind") {
		case 0, 1:
			e.kind, e.body = tar.TypeReg, "evil"
		case 2:
			e.kind, e.mode = tar.TypeDir, e.mode|0o700
		case 3:
			e.kind, e.link = tar.TypeSymlink, path.Draw(t, "to")
		case 4:
			e.kind, e.link = tar.TypeLink, name.Draw(t, "to")
		}
		return e
	})
	taken := 0
	rapid.Check(t, func(rt *rapid.T) {
		root, err := os.MkdirTemp(base, "")
		must(t, err)
		defer func() { _ = os.RemoveAll(root) }()
		in := root + "/in"
		must(t, os.MkdirAll(in+"/usr/bin", 0o755))
		must(t, os.MkdirAll(root+"/outside", 0o755))
		must(t, os.WriteFile(root+"/outside/kept", []byte("kept"), 0o644))
		if rapid.Bool().Draw(rt, "linked") {
			must(t, os.Symlink("usr/bin", in+"/bin"))
		}
		var archives [][]byte
		for range rapid.IntRange(1, 2).Draw(rt, "inputs") {
			archives = append(archives, archive(t, rapid.SliceOfN(one, 1, 8).Draw(rt, "entries")...))
		}
		before, outside := snapshot(t, in), snapshot(t, root+"/outside")
		if err := unpackAll(t, options(in), archives...); err != nil {
			if failure.As(err) == nil {
				rt.Fatal(err)
			}
			if !strings.Contains(err.Error(), "in the way of") && !strings.Contains(err.Error(), "cannot be put in place") {
				compare(t, snapshot(t, in), before)
			}
		} else {
			taken++
		}
		compare(t, snapshot(t, root+"/outside"), outside)
		if entries, err := os.ReadDir(root); err != nil || len(entries) != 2 {
			rt.Fatalf("%v, %v", entries, err)
		}
		linksStay(t, in)
		if t.Failed() {
			rt.Fatal("see above")
		}
	})
	if taken == 0 {
		t.Error("no input was taken: the test tries nothing")
	}
}

func linksStay(t *testing.T, in string) {
	fd, err := unix.Open(in, unix.O_PATH|unix.O_DIRECTORY, 0)
	must(t, err)
	defer func() { _ = unix.Close(fd) }()
	for name, what := range snapshot(t, in) {
		if !strings.HasPrefix(what, "link ") {
			continue
		}
		end, err := unix.Openat2(fd, name, &unix.OpenHow{Flags: unix.O_PATH, Resolve: unix.RESOLVE_BENEATH})
		if err == unix.EXDEV {
			t.Errorf("%s: %s leads out", name, what)
		}
		if err == nil {
			_ = unix.Close(end)
		}
	}
}

// Launchers of one Pod may have the same inputs and the same volume.
func TestLaunchersAtOnce(t *testing.T) {
	in := t.TempDir()
	entries := []entry{dir("d"), {name: "d/ro", kind: tar.TypeDir, mode: 0o755}}
	for i := range 200 {
		entries = append(entries, file(fmt.Sprintf("d/%d/f%d", i%7, i), fmt.Sprint(i)), file(fmt.Sprintf("top%d", i), fmt.Sprint(i)))
	}
	a := archive(t, entries...)
	errs := make([]error, 4)
	var running sync.WaitGroup
	for i := range errs {
		running.Go(func() { errs[i] = unpackOne(t, in, a) })
	}
	running.Wait()
	for _, err := range errs {
		must(t, err)
	}
	if got := snapshot(t, in); len(got) != 1+1+1+7+400 {
		t.Errorf("%d paths", len(got))
	}
}

func unpackOne(t *testing.T, in string, a []byte) error {
	target, err := unpack.Open(options(in))
	if err != nil {
		return err
	}
	defer target.Close()
	if err := target.Tar(t.Context(), bytes.NewReader(a)); err != nil {
		return err
	}
	return target.Commit(t.Context())
}

// 5,000 links of each kind take no longer than files do: every one is made by name in an open directory.
// art-45: links, climbing, plain and hard, as files.
func TestManyLinks(t *testing.T) {
	in := t.TempDir()
	entries := []entry{}
	for i := range 5000 {
		entries = append(entries, file(fmt.Sprintf("a/f%d", i), ""), link(fmt.Sprintf("b/c/l%d", i), fmt.Sprintf("../../a/f%d", i)), hard(fmt.Sprintf("b/h%d", i), fmt.Sprintf("a/f%d", i)))
	}
	must(t, unpackAll(t, options(in), archive(t, entries...)))
	for _, d := range []string{"a", "b/c"} {
		if found, err := os.ReadDir(filepath.Join(in, d)); err != nil || len(found) != 5000 {
			t.Errorf("%s: %d, %v", d, len(found), err)
		}
	}
}

// What an archive makes remembered is bounded: the launcher's memory is the program's.
func TestTooManyDirectories(t *testing.T) {
	for name, entries := range map[string][]entry{
		"directories": {dir("a"), dir("b"), file("c/d/e", "x"), dir("f")},
		"hard links":  {file("t", "x"), hard("a", "t"), hard("b", "t"), hard("c", "t"), hard("d", "t"), hard("e", "t")},
		"both":        {dir("a"), file("t", "x"), hard("a/b", "t"), dir("c"), hard("c/d", "t"), hard("c/e", "t")},
	} {
		t.Run(name, func(t *testing.T) {
			in := t.TempDir()
			target, err := unpack.Open(options(in))
			must(t, err)
			target.Remember(4)
			err = target.Tar(t.Context(), bytes.NewReader(archive(t, entries...)))
			target.Close()
			if f := failure.As(err); f == nil || !strings.Contains(f.Message, "more than 4 directories and hard links") {
				t.Errorf("%v", err)
			}
			if got := snapshot(t, in); len(got) != 1 {
				t.Errorf("left %v", got)
			}
		})
	}
}

func TestHeadersThatAreTooLong(t *testing.T) {
	for _, attributes := range []string{"path='x'*100_000", "comment='y'*20_000_000", "path='../x'", "size='99999999'"} {
		script := "import tarfile,sys\ni=tarfile.TarInfo('f'); i.pax_headers=dict(" + attributes + ")\ntarfile.open(fileobj=sys.stdout.buffer, mode='w|', format=tarfile.PAX_FORMAT).addfile(i)\n"
		blob := shell(t, t.TempDir(), "python3", "python3 -c \""+script+"\"")
		if f := failure.As(unpackAll(t, options(t.TempDir()), []byte(blob))); f == nil || len(f.Message) > 1000 {
			t.Errorf("%s: %v", attributes, f)
		}
	}
}
