package unpack_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/unpack"
)

const code = 186

var now = time.Unix(1_900_000_000, 0)

func options(path string) unpack.Options {
	return unpack.Options{
		Path: path, Workers: 3, Code: code, Now: now,
		Limits: unpack.Limits{Entries: 1 << 20, Bytes: 1 << 40, PathBytes: 4096},
	}
}

// lines collects what is told.
type lines struct {
	mutex sync.Mutex
	all   []string
}

func (l *lines) tell(line string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.all = append(l.all, line)
}

// entry is a member of a test's archive.
type entry struct {
	name string
	kind byte
	mode int64
	body string
	link string
	pax  map[string]string
}

func file(name, body string) entry {
	return entry{name: name, kind: tar.TypeReg, mode: 0o644, body: body}
}
func dir(name string) entry { return entry{name: name, kind: tar.TypeDir, mode: 0o755} }
func link(name, to string) entry {
	return entry{name: name, kind: tar.TypeSymlink, link: to, mode: 0o777}
}
func hard(name, to string) entry { return entry{name: name, kind: tar.TypeLink, link: to} }

func archive(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Typeflag: e.kind, Mode: e.mode, Size: int64(len(e.body)), Linkname: e.link, PAXRecords: e.pax}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, e.body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// stepByStep makes unpackAll do without openat2.
var stepByStep bool

// unpackAll unpacks archives in order, commits and closes.
func unpackAll(t testing.TB, o unpack.Options, archives ...[]byte) error {
	t.Helper()
	target, err := unpack.Open(o)
	if err != nil {
		return err
	}
	if stepByStep {
		target.WithoutOpenat2()
	}
	for _, a := range archives {
		if err == nil {
			err = target.Tar(t.Context(), bytes.NewReader(a))
		}
	}
	if err == nil {
		err = target.Commit(t.Context())
	}
	if closeErr := target.Close(); closeErr != nil {
		t.Errorf("close: %v", closeErr)
	}
	return err
}

// snapshot describes a tree, a line for each path: kind, mode, content or link.
func snapshot(t testing.TB, root string) map[string]string {
	t.Helper()
	found := map[string]string{}
	inodes := map[uint64]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		switch {
		case d.IsDir():
			found[name] = fmt.Sprintf("dir %o", st.Mode&0o7777)
		case d.Type() == fs.ModeSymlink:
			to, _ := os.Readlink(path)
			found[name] = "link " + to
		case d.Type().IsRegular():
			f, err := os.Open(path)
			if err != nil {
				return err
			}
			defer f.Close()
			sum := sha256.New()
			if _, err := io.Copy(sum, f); err != nil {
				return err
			}
			found[name] = fmt.Sprintf("file %o %d %x", st.Mode&0o7777, st.Size, sum.Sum(nil)[:8])
			if st.Nlink > 1 {
				if first := inodes[st.Ino]; first != "" {
					found[name] += " same as " + first
				} else {
					inodes[st.Ino] = name
				}
			}
		default:
			found[name] = d.Type().String()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func compare(t testing.TB, got, want map[string]string) {
	t.Helper()
	for name, w := range want {
		if g, ok := got[name]; !ok {
			t.Errorf("%q is missing", name)
		} else if g != w {
			t.Errorf("%q: %s, want %s", name, g, w)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%q should not be there: %s", name, got[name])
		}
	}
}

func read(t testing.TB, path ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// shell runs a script in a directory; the test is skipped where a program it needs is not installed.
func shell(t testing.TB, in, needs, script string) string {
	t.Helper()
	if _, err := exec.LookPath(needs); err != nil {
		t.Skipf("%s is not installed", needs)
	}
	c := exec.CommandContext(t.Context(), "bash", "-euc", script)
	c.Dir = in
	var problem strings.Builder
	c.Stderr = &problem
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, problem.String())
	}
	return string(out)
}

func runAs(t *testing.T, uid uint32, in, what, program, test string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), program, "-test.run", "^"+test+"$", "-test.v")
	c.Env = append(os.Environ(), "UNPACK_TEST_IN="+in, "UNPACK_TEST_WHAT="+what)
	c.Dir = "/"
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	output, err := c.CombinedOutput()
	if err != nil {
		t.Errorf("%v: %s", err, output)
	}
	return string(output)
}
