package unpack_test

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/treetest"
	"github.com/converged-computing/oras-operator/agent/internal/artifact/unpack"
)

const code = 186

var (
	snapshot = treetest.Snapshot
	compare  = treetest.Compare
	read     = treetest.Read
	must     = treetest.Must
	shell    = treetest.Shell
	blocks   = treetest.Blocks
)

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
	target.Close()
	return err
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
