package sweep

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/layout"
	"github.com/converged-computing/oras-operator/agent/internal/testprogram"
)

// files is a registry's files, made by hand.
type files struct {
	t    *testing.T
	data string
	tree layout.Tree
}

func newFiles(t *testing.T) *files {
	data := t.TempDir()
	return &files{t, data, layout.Of(data)}
}

func (f *files) write(name, content string) {
	f.t.Helper()
	path := f.tree.Path(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		f.t.Fatal(err)
	}
}

// writeAfter writes a file until its time is later; the times of files are coarse.
func (f *files) writeAfter(than time.Time, name, content string) {
	f.t.Helper()
	for later := than; !later.After(than); {
		f.write(name, content)
		info, err := os.Lstat(f.tree.Path(name))
		if err != nil {
			f.t.Fatal(err)
		}
		later = info.ModTime()
	}
}

// blob stores content and links it in a repository, if it has a name.
func (f *files) blob(repository, content string) (data, link string) {
	d := digestOf([]byte(content))
	data, link = layout.Blob(d), artifact{repository: repository}.layer(d)
	f.write(data, content)
	if repository != "" {
		f.write(link, fmt.Sprintf("sha256:%s", d))
	}
	return data, link
}

func (f *files) manifest(repository, content string) (data, link string) {
	d := digestOf([]byte(content))
	data, link = layout.Blob(d), artifact{repository: repository}.link("_manifests/revisions", d)
	f.write(data, content)
	f.write(link, fmt.Sprintf("sha256:%s", d))
	return data, link
}

func (f *files) are(want bool, names ...string) {
	f.t.Helper()
	for _, name := range names {
		if _, err := os.Lstat(f.tree.Path(name)); (err == nil) != want {
			f.t.Errorf("%s: %v, want it there: %v", name, err, want)
		}
	}
}

func (f *files) pass(change func(*Pass)) Outcome {
	f.t.Helper()
	pass := Pass{Data: f.data}
	if change != nil {
		change(&pass)
	}
	out, err := pass.Run(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	return out
}

func TestThePassAfterTheNextEmptiesTheTrash(t *testing.T) {
	f := newFiles(t)
	data, link := f.blob("a", "nobody's")
	free := f.pass(nil)
	f.are(false, data, link)
	next := f.pass(nil)
	after := f.pass(nil)
	if free.Swept != 1 || free.Unlinked != 1 || free.SweptBytes == 0 || free.Freed != 0 || next.Freed != 0 || after.Freed < free.SweptBytes {
		t.Errorf("%+v\n%+v\n%+v", free, next, after)
	}
	if left, _ := filepath.Glob(f.tree.Path("blobs/sha256/*/*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// Passes that follow one another at once are no reason to be in a hurry with what was taken a moment ago.
func TestTheTrashIsKeptForTheGrace(t *testing.T) {
	f := newFiles(t)
	f.blob("a", "nobody's")
	f.pass(nil)
	for range 4 {
		if out := f.pass(func(p *Pass) { p.Grace = time.Hour }); out.Freed > 0 {
			t.Error(out)
		}
	}
}

func TestWhatIsYoungOrNotUnderstoodStays(t *testing.T) {
	f := newFiles(t)
	data, link := f.blob("a", "young")
	f.pass(func(p *Pass) { p.Grace = time.Hour })
	f.are(true, data, link)

	other, _ := f.blob("", "by another name")
	f.write("repositories/a/_layers/sha512/"+fmt.Sprintf("%0128d", 1)+"/link", "sha256:"+digestOf([]byte("by another name")).String())
	f.write("blobs/sha256/00/strange/data", "x")
	f.write("repositories/a/_layers/sha256/strange/link", "x")
	f.write("repositories/a/_uploads/1/data", "x")
	// A link that a node lost the content of when it lost its power.
	named, _ := f.blob("a", "named")
	manifest, revision := f.manifest("a", digestOf([]byte("named")).String())
	f.write(revision, "")
	f.pass(nil)
	f.are(true, other, named, manifest, revision, "blobs/sha256/00/strange/data", "repositories/a/_layers/sha256/strange/link", "repositories/a/_uploads/1/data")
	f.are(false, data, link)
}

// One young link is enough: a push is under way that has asked for the blob.
func TestABlobIsAsYoungAsItsYoungestLink(t *testing.T) {
	f := newFiles(t)
	data, old := f.blob("a", "pushed again elsewhere")
	info, err := os.Lstat(f.tree.Path(old))
	if err != nil {
		t.Fatal(err)
	}
	began := info.ModTime()
	f.writeAfter(began, artifact{repository: "b"}.layer(digestOf([]byte("pushed again elsewhere"))), "sha256:")
	f.pass(func(p *Pass) { p.began = began })
	f.are(true, data, old)
}

// A push that saw its blob before the link was taken gets it back in the same pass, whatever other repositories have got
// meanwhile.
func TestALinkComesBackThoughAnotherRepositoryGotTheBlob(t *testing.T) {
	f := newFiles(t)
	const content = "in two repositories"
	d := digestOf([]byte(content))
	data, first := f.blob("a", content)
	_, second := f.blob("b", content)
	began := time.Now()
	taken := ""
	f.pass(func(p *Pass) {
		p.began = began
		p.before = func(change string) {
			switch {
			case taken == "" && change == "discard "+first:
				taken = "a"
				f.writeAfter(began, artifact{repository: "c"}.layer(d), "sha256:")
				f.writeAfter(began, second, "sha256:")
			case taken == "" && change == "discard "+second:
				taken = "b"
				f.writeAfter(began, artifact{repository: "c"}.layer(d), "sha256:")
				f.writeAfter(began, first, "sha256:")
			case taken != "" && change == "wait":
				f.manifest(taken, d.String())
			}
		}
	})
	f.are(true, data, first, second)
	if taken == "" {
		t.Error("no link was taken")
	}
}

// What a push that took longer than a moment names, the next pass gives back, also if the blob itself is young by then.
func TestALinkComesBackToAYoungBlob(t *testing.T) {
	f := newFiles(t)
	const content = "stays by a link elsewhere"
	d := digestOf([]byte(content))
	data, link := f.blob("a", content)
	f.pass(func(p *Pass) {
		p.before = func(change string) {
			if change == "wait" {
				f.blob("b", content)
			}
		}
	})
	f.are(false, link)
	f.are(true, data)
	f.manifest("a", d.String())
	if out := f.pass(func(p *Pass) { p.Grace = time.Hour }); out.PutBack != 1 {
		t.Errorf("%+v", out)
	}
	f.are(true, link)
}

func TestADryRunChangesNothingAndTellsWhatTheNextPassTakes(t *testing.T) {
	f := newFiles(t)
	data, link := f.blob("a", "nobody's")
	f.manifest("a", "a manifest")
	f.blob("b", "nobody's either")
	told := f.pass(func(p *Pass) {
		p.DryRun = true
		p.before = func(change string) { t.Errorf("a dry run does: %s", change) }
	})
	f.are(true, data, link)
	if _, err := os.Stat(filepath.Join(layout.Own(f.data), "trash")); err == nil {
		t.Error("a dry run makes a trash")
	}
	if done := f.pass(nil); done.Swept != told.Swept || done.SweptBytes != told.SweptBytes || done.Pass != told.Pass || told.Swept != 2 {
		t.Errorf("told %+v, done %+v", told, done)
	}
}

func TestAMissingManifestIsTold(t *testing.T) {
	f := newFiles(t)
	data, _ := f.manifest("a", "a manifest")
	if err := os.Remove(f.tree.Path(data)); err != nil {
		t.Fatal(err)
	}
	if out := f.pass(nil); out.Broken != 1 {
		t.Error(out)
	}
}

func TestPassesDoNotOverlap(t *testing.T) {
	f := newFiles(t)
	f.blob("a", "nobody's")
	overlapped := false
	f.pass(func(p *Pass) {
		p.before = func(string) {
			other := Pass{Data: f.data}
			_, err := other.Run(t.Context())
			overlapped = overlapped || !errors.Is(err, ErrRuns)
		}
	})
	if overlapped {
		t.Error("two passes ran at once")
	}
	f.pass(nil)
}

// A pass that cannot see everything takes nothing.
func TestWhatCannotBeReadEndsThePass(t *testing.T) {
	f := newFiles(t)
	data, link := f.blob("a", "nobody's")
	_, revision := f.manifest("z", "a manifest")
	if err := os.Remove(f.tree.Path(revision)); err != nil {
		t.Fatal(err)
	}
	// A folder cannot be read as a file, whoever asks.
	if err := os.Mkdir(f.tree.Path(revision), 0o700); err != nil {
		t.Fatal(err)
	}
	pass := Pass{Data: f.data}
	if _, err := pass.Run(t.Context()); err == nil {
		t.Error("the pass did not fail")
	}
	f.are(true, data, link)
}

// When nothing fits on the volume any more, not even a folder, the sweep is what helps.
func TestAFullVolumeIsSwept(t *testing.T) {
	data := t.TempDir()
	const size = 32 << 20
	testprogram.MountDisk(t, data, size)
	f := &files{t, data, layout.Of(data)}
	f.pass(nil)
	const blobs = 300
	for number := range blobs {
		f.blob(fmt.Sprintf("a/%d", number%7), fmt.Sprint("nobody's ", number))
	}
	kept, link := f.blob("a/1", "named")
	manifest, revision := f.manifest("a/1", digestOf([]byte("named")).String())
	fill(t, filepath.Join(data, "docker/rest"))
	swept := 0
	for range 4 {
		swept += f.pass(nil).Swept
	}
	if swept != blobs {
		t.Errorf("%d of %d are swept", swept, blobs)
	}
	f.are(true, kept, link, manifest, revision)
	if err := os.Mkdir(filepath.Join(data, "docker/folder"), 0o700); err != nil {
		t.Errorf("nothing was freed: %v", err)
	}
}

// fill writes until nothing fits any more.
func fill(t *testing.T, path string) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for chunk := 1 << 20; chunk > 0; chunk /= 2 {
		for err = nil; err == nil; {
			_, err = file.Write(make([]byte, chunk))
		}
		if !errors.Is(err, unix.ENOSPC) {
			t.Fatal(err)
		}
	}
}
