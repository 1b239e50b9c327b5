package pack_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/pack"
	"github.com/converged-computing/oras-operator/agent/internal/artifact/treetest"
	"github.com/converged-computing/oras-operator/agent/internal/artifact/unpack"
	"github.com/converged-computing/oras-operator/agent/internal/failure"
	"github.com/converged-computing/oras-operator/agent/internal/testprogram"
)

var (
	must  = treetest.Must
	shell = treetest.Shell
)

const code = 189

func options(path string) pack.Options { return pack.Options{Path: path, Workers: 3, Code: code} }

func packed(t testing.TB, o pack.Options) []byte {
	t.Helper()
	output, err := pack.Describe(o)
	must(t, err)
	must(t, output.Check(t.Context()))
	var b bytes.Buffer
	must(t, output.Write(t.Context(), &b))
	return b.Bytes()
}

func unpacked(t testing.TB, blob []byte) string {
	t.Helper()
	in := t.TempDir()
	t.Cleanup(func() {
		_ = filepath.WalkDir(in, func(p string, d fs.DirEntry, err error) error { return os.Chmod(p, 0o755) })
	})
	must(t, unpackInto(t.Context(), in, blob))
	return in
}

func unpackInto(ctx context.Context, in string, blob []byte) error {
	target, err := unpack.Open(unpack.Options{Path: in, Workers: 2, Code: 186, Now: time.Now(), Limits: unpack.Limits{Entries: 1 << 30, Bytes: 1 << 50, PathBytes: 4096}})
	if err != nil {
		return err
	}
	defer target.Close()
	if err := target.Tar(ctx, bytes.NewReader(blob)); err != nil {
		return err
	}
	return target.Commit(ctx)
}

func hardTree(t testing.TB) string {
	t.Helper()
	source := t.TempDir()
	shell(t, source, "bash", treetest.HardTree)
	t.Cleanup(func() { _ = os.Chmod(source+"/tree/ro", 0o755) })
	return source + "/tree"
}

func TestRoundTrip(t *testing.T) {
	tree := hardTree(t)
	blob := packed(t, options(tree))
	in := unpacked(t, blob)
	treetest.Compare(t, treetest.Snapshot(t, in+"/tree"), treetest.Snapshot(t, tree))
	for _, f := range []string{"a/sparse", "a/hole"} {
		if used := treetest.Blocks(t, in+"/tree/"+f); used > 256 {
			t.Errorf("%s takes %d blocks", f, used)
		}
	}
	if len(blob) > 4<<20 {
		t.Errorf("%d bytes: holes are written out", len(blob))
	}
}

// The same bytes however many read, wherever the tree is, whoever owns it and whenever it was made.
func TestReproducible(t *testing.T) {
	first := hardTree(t)
	want := packed(t, options(first))
	for _, workers := range []int{1, 2, 7} {
		o := options(first)
		o.Workers = workers
		if !bytes.Equal(packed(t, o), want) {
			t.Errorf("%d workers: other bytes", workers)
		}
	}
	second := unpacked(t, want) + "/tree"
	if !bytes.Equal(packed(t, options(second)), want) {
		t.Error("unpacked and packed again: other bytes")
	}
	if !bytes.Equal(packed(t, options(first+"/")), want) {
		t.Error("with a slash: other bytes")
	}
}

func TestOtherProgramsReadIt(t *testing.T) {
	tree := hardTree(t)
	blob := packed(t, options(tree))
	want := treetest.Snapshot(t, tree)
	for name, c := range map[string]struct{ needs, script string }{
		"GNU tar": {"tar", "tar -xpf ../blob"},
		"bsdtar":  {"bsdtar", "LC_ALL=C bsdtar -xpf ../blob"},
		"Python":  {"python3", "python3 -c 'import tarfile; tarfile.open(\"../blob\").extractall(\".\")'"},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			must(t, os.WriteFile(root+"/blob", blob, 0o644))
			must(t, os.Mkdir(root+"/in", 0o755))
			shell(t, root+"/in", c.needs, c.script)
			t.Cleanup(func() { _ = os.Chmod(root+"/in/tree/ro", 0o755) })
			treetest.Compare(t, treetest.Snapshot(t, root+"/in/tree"), want)
			if used := treetest.Blocks(t, root+"/in/tree/a/sparse"); used > 256 {
				t.Errorf("a/sparse takes %d blocks", used)
			}
		})
	}
	if names := listed(t, blob); len(names) != len(want) || names[0] != "tree/" {
		t.Errorf("archive/tar reads %d names, of %d", len(names), len(want))
	}
}

func listed(t testing.TB, blob []byte) []string {
	t.Helper()
	var names []string
	for r := tar.NewReader(bytes.NewReader(blob)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return names
		}
		must(t, err)
		if h.ModTime.Year() != 1980 || h.Uid != 0 || h.Gid != 0 || h.Uname != "" {
			t.Errorf("%s: %v, %d:%d", h.Name, h.ModTime, h.Uid, h.Gid)
		}
		names = append(names, h.Name)
	}
}

func TestTitles(t *testing.T) {
	root := t.TempDir()
	must(t, os.MkdirAll(root+"/my dir/run-1/sub", 0o755))
	must(t, os.WriteFile(root+"/my dir/run-1/f", []byte("data"), 0o750))
	must(t, os.Symlink("run-1", root+"/my dir/l2"))
	must(t, os.Symlink(root+"/my dir/l2", root+"/my dir/latest"))
	must(t, os.Symlink("run-1/f", root+"/my dir/file"))
	t.Chdir(root + "/my dir/run-1/sub")
	for path, want := range map[string]string{
		root + "/my dir/run-1": "run-1", root + "/my dir/run-1//": "run-1", root + "/my dir/run-1/.": ".", root + "/my dir/run-1/./": ".",
		root + "/my dir/latest": "latest", root + "/my dir/latest/": "latest", root + "/my dir/latest/.": ".", ".": ".", "./": ".", "..": "run-1",
		root + "/my dir/run-1/sub": ".", root + "/my dir/../my dir/run-1/f": "f", root + "/my dir/latest/f": "f", root + "/my dir/file": "file", "../f": "f",
	} {
		output, err := pack.Describe(options(path))
		must(t, err)
		if output.Title != want {
			t.Errorf("%s: %q, want %q", path, output.Title, want)
		}
		if !output.Directory && (output.Mode != 0o750 || output.Size != 4) {
			t.Errorf("%s: %v, %d", path, output.Mode, output.Size)
		}
		blob := packed(t, options(path))
		if !output.Directory {
			if string(blob) != "data" {
				t.Errorf("%s: %q", path, blob)
			}
			continue
		}
		if top := listed(t, blob)[0]; top != strings.TrimSuffix(want, "/")+"/" {
			t.Errorf("%s: the first entry is %s", path, top)
		}
	}
}

func TestNothingToPack(t *testing.T) {
	root := t.TempDir()
	must(t, os.Symlink("/nowhere/at/all", root+"/dangling"))
	must(t, unix.Mkfifo(root+"/pipe", 0o644))
	must(t, os.WriteFile(root+"/f", nil, 0o644))
	for path, words := range map[string]string{
		root + "/missing": "nothing at", root + "/dangling": "link to /nowhere/at/all", root + "/pipe": "neither", "/": "root of the filesystem", root + "/f/": "", root + "/f/x": "",
	} {
		_, err := pack.Describe(options(path))
		if f := failure.As(err); f == nil || f.Code != code || !strings.Contains(f.Message, words) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := pack.Describe(options(root + "/missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

func TestLinks(t *testing.T) {
	out := t.TempDir() + "/out"
	must(t, os.MkdirAll(out+"/run-1/deep", 0o755))
	must(t, os.WriteFile(out+"/run-1/model", []byte("x"), 0o644))
	alias := t.TempDir() + "/alias"
	must(t, os.Symlink(out, alias))
	want := map[string]string{}
	for name, c := range map[string]struct{ to, want string }{
		"latest":          {out + "/run-1", "run-1"},
		"by-alias":        {alias + "/run-1/model", "run-1/model"},
		"detour":          {"../out/run-1", "run-1"},
		"run-1/deep/abs":  {out + "/run-1/model", "../model"},
		"run-1/deep/root": {out, "../.."},
		"run-1/up":        {"../latest/model", "../latest/model"},
		"behind":          {"latest/../run-1/model", "run-1/model"},
		"dangling":        {"nowhere", "nowhere"},
		"dangling-abs":    {out + "/not/there", "not/there"},
		"to-link":         {out + "/latest", "latest"},
	} {
		must(t, os.Symlink(c.to, filepath.Join(out, name)))
		want[name] = c.want
	}
	in := unpacked(t, packed(t, options(out)))
	for name, to := range want {
		if got, _ := os.Readlink(filepath.Join(in, "out", name)); got != to {
			t.Errorf("%s -> %s, want %s", name, got, to)
		}
	}
	for i, to := range []string{"/usr/bin/perl", "..", "../other", "run-1/../../x", "/nowhere/at/all", "../outside", alias} {
		must(t, os.Symlink(to, fmt.Sprintf("%s/bad-%02d", out, i)))
	}
	must(t, os.Remove(out+"/bad-06")) // the alias is the tree itself
	output, err := pack.Describe(options(out))
	must(t, err)
	for name, err := range map[string]error{"check": output.Check(t.Context()), "write": output.Write(t.Context(), io.Discard)} {
		f := failure.As(err)
		if f == nil || f.Code != code {
			t.Fatalf("%s: %v", name, err)
		}
		for i := range 6 {
			if !strings.Contains(f.Message, fmt.Sprintf("bad-%02d -> ", i)) {
				t.Errorf("%s: %s", name, f.Message)
			}
		}
	}
}

func TestSpecialFilesAreTold(t *testing.T) {
	out := t.TempDir()
	must(t, unix.Mkfifo(out+"/pipe", 0o644))
	must(t, os.WriteFile(out+"/f", nil, 0o644))
	var told []string
	o := options(out)
	o.Tell = func(line string) { told = append(told, line) }
	if names := listed(t, packed(t, o)); len(names) != 2 {
		t.Errorf("%v", names)
	}
	if len(told) != 1 || !strings.Contains(told[0], out+"/pipe") {
		t.Errorf("%q", told)
	}
}

func TestMountsAreLeftOut(t *testing.T) {
	out := t.TempDir()
	must(t, os.MkdirAll(out+"/.secrets/a", 0o755))
	must(t, os.MkdirAll(out+"/config", 0o755))
	must(t, os.MkdirAll(out+"/.oras-partial-X/0", 0o755))
	must(t, os.WriteFile(out+"/.secrets/password", []byte("hunter2"), 0o644))
	must(t, os.WriteFile(out+"/config/token", []byte("t"), 0o644))
	must(t, os.WriteFile(out+"/config/settings", []byte("s"), 0o644))
	var told []string
	o := options(out + "/.")
	o.Tell = func(line string) { told = append(told, line) }
	o.LeaveOut = []pack.LeftOut{{out + "/.secrets", "a Secret"}, {out + "/config/token", "a token"}, {"/elsewhere", "a Secret"}}
	names := listed(t, packed(t, o))
	if !slices.Equal(names, []string{"./", "./config/", "./config/settings"}) {
		t.Errorf("%v", names)
	}
	if len(told) != 1 || !strings.Contains(told[0], ".secrets, a Secret") || !strings.Contains(told[0], "config/token, a token") || !strings.Contains(told[0], "partial") {
		t.Errorf("%q", told)
	}
	o.Path = out + "/.secrets/a"
	if _, err := pack.Describe(o); err == nil || !strings.Contains(err.Error(), "a Secret") {
		t.Errorf("%v", err)
	}
}

// art-05: the root of a volume.
func TestLostAndFoundOfAMount(t *testing.T) {
	out := t.TempDir()
	testprogram.Mount(t, out, "")
	must(t, os.MkdirAll(out+"/lost+found", 0o700))
	must(t, os.MkdirAll(out+"/sub/lost+found", 0o700))
	if names := listed(t, packed(t, options(out+"/."))); !slices.Equal(names, []string{"./", "./sub/", "./sub/lost+found/"}) {
		t.Errorf("%v", names)
	}
}

func TestUnreadable(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root reads everything; runs as another user")
	}
	out := t.TempDir()
	must(t, os.WriteFile(out+"/good", []byte("x"), 0o644))
	must(t, os.WriteFile(out+"/locked", []byte("y"), 0))
	must(t, os.Mkdir(out+"/closed", 0))
	output, err := pack.Describe(options(out))
	must(t, err)
	for name, err := range map[string]error{"check": output.Check(t.Context()), "write": output.Write(t.Context(), io.Discard)} {
		if f := failure.As(err); f == nil || !strings.Contains(f.Message, out+"/locked") || !strings.Contains(f.Message, out+"/closed") || strings.Contains(f.Message, "good") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// onWrite does something when the second entry is written: the topmost directory has been listed then, and whoever writes
// is still packing.
type onWrite struct {
	do     func()
	writes int
}

func (w *onWrite) Write(p []byte) (int, error) {
	if w.writes++; w.writes == 2 {
		w.do()
	}
	return len(p), nil
}

// art-27: nothing is padded.
func TestFilesThatChange(t *testing.T) {
	vanish := func(t *testing.T, prepare func(out string), path string) {
		out := t.TempDir()
		prepare(out)
		o := options(out)
		o.Workers = 1
		output, err := pack.Describe(o)
		must(t, err)
		err = output.Write(t.Context(), &onWrite{do: func() { must(t, os.RemoveAll(out+path)) }})
		if f := failure.As(err); f == nil || !strings.Contains(f.Message, out+path+" (vanished)") {
			t.Errorf("%v", err)
		}
	}
	t.Run("a file vanishes", func(t *testing.T) {
		vanish(t, func(out string) { // more than is read ahead
			for i := range 1000 {
				must(t, os.WriteFile(fmt.Sprintf("%s/%03d", out, i), []byte("small"), 0o644))
			}
		}, "/999")
	})
	t.Run("a directory vanishes", func(t *testing.T) {
		vanish(t, func(out string) {
			for i := range 40 {
				must(t, os.Mkdir(fmt.Sprintf("%s/%02d", out, i), 0o755))
			}
		}, "/39")
	})
	t.Run("a large file becomes shorter", func(t *testing.T) {
		out := t.TempDir()
		must(t, os.WriteFile(out+"/large", make([]byte, 300_000), 0o644))
		output, err := pack.Describe(options(out))
		must(t, err)
		w := &cutting{path: out + "/large"}
		err = output.Write(t.Context(), w)
		if f := failure.As(err); f == nil || !strings.Contains(f.Message, out+"/large (became shorter)") {
			t.Errorf("%v", err)
		}
		if w.size > 100_000 {
			t.Errorf("%d bytes: it was filled up", w.size)
		}
	})
	t.Run("a large file grows", func(t *testing.T) {
		out := t.TempDir()
		must(t, os.WriteFile(out+"/large", bytes.Repeat([]byte("x"), 300_000), 0o644))
		var told []string
		o := options(out)
		o.Tell = func(line string) { told = append(told, line) }
		output, err := pack.Describe(o)
		must(t, err)
		w := &cutting{path: out + "/large", to: 400_000}
		must(t, output.Write(t.Context(), w))
		if len(told) != 1 || !strings.Contains(told[0], "large") {
			t.Errorf("%q", told)
		}
	})
	t.Run("a single file becomes shorter", func(t *testing.T) {
		path := t.TempDir() + "/f"
		must(t, os.WriteFile(path, make([]byte, 300_000), 0o644))
		output, err := pack.Describe(options(path))
		must(t, err)
		if f := failure.As(output.Write(t.Context(), &cutting{path: path, after: 1})); f == nil || !strings.Contains(f.Message, path+" became shorter") {
			t.Errorf("%v", f)
		}
	})
}

// cutting changes the size of a file when something of its content was written.
type cutting struct {
	path  string
	to    int64
	after int
	size  int
	done  bool
}

func (c *cutting) Write(p []byte) (int, error) {
	c.size += len(p)
	if c.size > max(c.after, 2*512) && !c.done {
		c.done = true
		if err := os.Truncate(c.path, c.to); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

func TestErrorsOfTheWriterStay(t *testing.T) {
	fault := errors.New("no space")
	out := hardTree(t)
	output, err := pack.Describe(options(out))
	must(t, err)
	for _, after := range []int{0, 600, 100_000, 2_000_000} {
		if err := output.Write(t.Context(), &failing{after, fault}); !errors.Is(err, fault) {
			t.Errorf("after %d: %v", after, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := output.Write(ctx, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

type failing struct {
	after int
	err   error
}

func (f *failing) Write(p []byte) (int, error) {
	if f.after -= len(p); f.after < 0 {
		return 0, f.err
	}
	return len(p), nil
}

func TestAttributes(t *testing.T) {
	out := t.TempDir()
	must(t, os.WriteFile(out+"/f", []byte("x"), 0o644))
	if err := unix.Setxattr(out+"/f", "user.origin", []byte("run\x007"), 0); err != nil {
		t.Skipf("no extended attributes here: %v", err)
	}
	must(t, unix.Setxattr(out, "user.of-the-top", []byte("x"), 0))
	in := unpacked(t, packed(t, options(out+"/.")))
	buffer := make([]byte, 100)
	if n, err := unix.Getxattr(in+"/f", "user.origin", buffer); err != nil || string(buffer[:n]) != "run\x007" {
		t.Errorf("%v", err)
	}
}

func TestLargeSparseFile(t *testing.T) {
	out := t.TempDir()
	f, err := os.Create(out + "/huge")
	must(t, err)
	if err := f.Truncate(20 << 30); err != nil {
		t.Skipf("no files of 20 GiB here: %v", err)
	}
	for _, at := range []int64{0, 9 << 30, 20<<30 - 3} {
		_, err := f.WriteAt([]byte("abc"), at)
		must(t, err)
	}
	must(t, f.Close())
	blob := packed(t, options(out+"/."))
	if len(blob) > 1<<17 {
		t.Errorf("%d bytes", len(blob))
	}
	must(t, os.WriteFile(out+".tar", blob, 0o644))
	if size := shell(t, filepath.Dir(out), "tar", "tar -tvf "+out+".tar | grep -o 21474836480"); size != "21474836480\n" {
		t.Errorf("tar sees %q", size)
	}
}

// Any tree arrives as it was.
func TestAnyTreeArrives(t *testing.T) {
	base := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		root, err := os.MkdirTemp(base, "")
		must(t, err)
		defer func() { _ = os.RemoveAll(root) }()
		must(t, os.MkdirAll(root+"/tree", 0o755))
		must(t, os.Mkdir(root+"/in", 0o755))
		build(rt, root+"/tree", 0)
		want := treetest.Snapshot(t, root+"/tree")
		o := options(root + "/tree")
		o.Workers = rapid.IntRange(1, 3).Draw(rt, "workers")
		output, err := pack.Describe(o)
		if err != nil {
			rt.Fatal(err)
		}
		var b bytes.Buffer
		if err := output.Write(t.Context(), &b); err != nil {
			rt.Fatal(err)
		}
		for range rapid.IntRange(1, 2).Draw(rt, "times") {
			if err := unpackInto(t.Context(), root+"/in", b.Bytes()); err != nil {
				rt.Fatal(err)
			}
		}
		treetest.Compare(t, treetest.Snapshot(t, root+"/in/tree"), want)
		if t.Failed() {
			rt.Fatal("not the same")
		}
	})
}

func build(t *rapid.T, dir string, depth int) {
	name := rapid.OneOf(rapid.StringMatching(`[a-c]{1,2}`), rapid.StringMatching(`[a-z]{90,255}`),
		rapid.Map(rapid.SliceOfN(rapid.ByteRange(1, 255), 1, 20), func(b []byte) string { return strings.ReplaceAll(string(b), "/", "_") }))
	used := map[string]bool{".": true, "..": true}
	for range rapid.IntRange(0, 6).Draw(t, "entries") {
		n := name.Draw(t, "name")
		if used[n] {
			continue
		}
		used[n] = true
		path := dir + "/" + n
		if len(path) > 3500 {
			continue
		}
		var err error
		switch rapid.IntRange(0, 4).Draw(t, "kind") {
		case 0, 1:
			size := rapid.SampledFrom([]int{0, 1, 511, 512, 513, 5000, 70_000, 300_000}).Draw(t, "size")
			err = os.WriteFile(path, bytes.Repeat([]byte{byte(size)}, size), 0o600)
			if err == nil {
				err = os.Chmod(path, fs.FileMode(rapid.SampledFrom([]int{0o644, 0o600, 0o755, 0o444, 0o666}).Draw(t, "mode")))
			}
		case 2:
			err = os.Symlink(rapid.SampledFrom([]string{"a", "b/c", strings.Repeat("x", 150), "\xff", "./a"}).Draw(t, "to"), path)
		case 3:
			for other := range used {
				if info, statErr := os.Lstat(dir + "/" + other); statErr == nil && info.Mode().IsRegular() {
					err = os.Link(dir+"/"+other, path)
					break
				}
			}
		case 4:
			err = os.Mkdir(path, 0o755)
			if err == nil && depth < 4 {
				build(t, path, depth+1)
			}
			if err == nil {
				err = os.Chmod(path, fs.FileMode(rapid.SampledFrom([]int{0o755, 0o700, 0o775, 0o777}).Draw(t, "mode")))
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// More attributes than readers take are told, not written.
func TestTooManyAttributes(t *testing.T) {
	out := "/dev/shm/" + filepath.Base(t.TempDir()) + "-attributes" // ext4 takes 4 KiB for a file
	must(t, os.RemoveAll(out))
	if err := os.Mkdir(out, 0o755); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(out) })
	must(t, os.WriteFile(out+"/f", []byte("x"), 0o644))
	for i := range 20 {
		if err := unix.Setxattr(out+"/f", fmt.Sprintf("user.%02d", i), make([]byte, 60_000), 0); err != nil {
			t.Skipf("no large extended attributes here: %v", err)
		}
	}
	var told []string
	o := options(out)
	o.Tell = func(line string) { told = append(told, line) }
	if names := listed(t, packed(t, o)); len(names) != 2 || len(told) != 1 {
		t.Errorf("%v, %q", names, told)
	}
}

func TestDeepTree(t *testing.T) {
	out := t.TempDir()
	shell(t, out, "bash", `for i in $(seq 20); do d=$(printf 'd/%.0s' $(seq 90)); mkdir -p $d; cd $d; done; echo x >f`)
	blob := packed(t, options(out+"/."))
	if names := listed(t, blob); len(names) != 1+20*90+1 {
		t.Errorf("%d names", len(names))
	}
	in := unpackedDeep(t, blob)
	if found := shell(t, in, "find", "find . -name f | wc -l; rm -rf d"); found != "1\n" {
		t.Errorf("%q", found)
	}
	shell(t, out, "bash", "rm -rf d")
}

func unpackedDeep(t *testing.T, blob []byte) string {
	in := t.TempDir()
	must(t, unpackInto(t.Context(), in, blob))
	return in
}
