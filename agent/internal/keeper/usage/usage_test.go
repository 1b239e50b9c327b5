package usage

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/layout"
	"github.com/converged-computing/oras-operator/agent/internal/testprogram"
)

func TestAVolumeKeepsItsMark(t *testing.T) {
	data := t.TempDir()
	first, err := Marked(data, "one")
	if err != nil || first.Cache != "one" || first.Volume == "" || first.Since.IsZero() {
		t.Fatal(first, err)
	}
	// Of another cache that has got the volume, too.
	if again, err := Marked(data, "two"); err != nil || again != first {
		t.Error(again, err)
	}
	if other, err := Marked(t.TempDir(), "one"); err != nil || other.Volume == first.Volume {
		t.Error(other, err)
	}
	// A node that lost its power may have lost the content.
	if err := os.WriteFile(filepath.Join(layout.Own(data), "id"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if made, err := Marked(data, "two"); err != nil || made.Cache != "two" || made.Volume == "" {
		t.Error(made, err)
	}
}

func TestAVolumeThatCannotBeMarkedHasNoMark(t *testing.T) {
	data := t.TempDir()
	testprogram.Mount(t, data, "size=64k")
	if err := os.WriteFile(filepath.Join(data, "artifacts"), make([]byte, 1<<20), 0o600); err == nil {
		t.Fatal("it is not full")
	}
	// With another one each time, the artifacts would look lost each time.
	if mark, err := Marked(data, "one"); err == nil || mark != (Mark{}) {
		t.Error(mark, err)
	}
	if err := unix.Mount("", data, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	if mark, err := Marked(data, "one"); err == nil || mark != (Mark{}) {
		t.Error(mark, err)
	}
}

func TestAVolumeThatCannotBeWritten(t *testing.T) {
	data := t.TempDir()
	testprogram.Mount(t, data, "size=1m")
	if err := os.MkdirAll(layout.Of(data).Path("blobs/sha256/00"), 0o700); err != nil {
		t.Fatal(err)
	}
	if found := NotWritable(data); found != "" {
		t.Error(found)
	}
	if err := unix.Mount("", data, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	if found := NotWritable(data); !strings.Contains(found, "cannot write to "+data+": read-only file system") {
		t.Error(found)
	}
}

func TestTheSpaceOfAVolume(t *testing.T) {
	data := t.TempDir()
	if err := os.WriteFile(filepath.Join(data, "file"), make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	whole := Volume{Data: data}
	all, err := whole.Space()
	if err != nil || all.Capacity != all.Used+all.Free || all.Used < 1<<20 {
		t.Error(all, err)
	}
	limited := Volume{Data: data, Limit: 3 << 20}
	space, err := limited.Space()
	if err != nil || space.Capacity != 3<<20 || space.Used < 1<<20 || space.Free > 2<<20 || space.Free <= 0 {
		t.Error(space, err)
	}
	over := Volume{Data: data, Limit: 1}
	if space, err := over.Space(); err != nil || space.Free != 0 {
		t.Error(space, err)
	}
}

func TestRepositoriesHaveTagsAndBytes(t *testing.T) {
	data := t.TempDir()
	tree := layout.Of(data)
	write := func(name, content string) {
		t.Helper()
		path := tree.Path(name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d := layout.Digest{1, 2}
	write(layout.Blob(d), "five!")
	link := "sha256:" + d.String()
	write("repositories/a/b/_layers/sha256/"+d.String()+"/link", link)
	write("repositories/a/b/_manifests/tags/x/current/link", link)
	write("repositories/a/b/_manifests/tags/half/index/sha256/"+d.String()+"/link", link)
	write("repositories/a/_layers/sha256/"+layout.Digest{9}.String()+"/link", link)
	write("repositories/gone/_manifests/revisions/sha256/nothing/x", "")
	var found []Repository
	if err := Repositories(data, func(r Repository) error {
		found = append(found, r)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 || found[0].Name != "a/b" || found[0].Bytes != 5 || len(found[0].Tags) != 1 || found[0].Tags[0].Name != "x" || found[0].Tags[0].Digest != link || found[0].Tags[0].Pushed.IsZero() {
		t.Errorf("%+v", found)
	}
	if stored, err := Stored(data); err != nil || stored != 5 {
		t.Error(stored, err)
	}
}

func TestTheSpaceOfAFileSystemWithoutASize(t *testing.T) {
	const efs = 1 << 43 // 8 EiB in blocks of 1 MiB
	for _, c := range []struct {
		found unix.Statfs_t
		want  Space
	}{
		{unix.Statfs_t{Blocks: 100, Bfree: 40, Bavail: 30, Bsize: 4096}, Space{Capacity: 90 * 4096, Used: 60 * 4096, Free: 30 * 4096}},
		{unix.Statfs_t{Blocks: efs, Bfree: efs - 1, Bavail: efs - 1, Bsize: 1 << 20}, Space{Capacity: most, Used: 1 << 20, Free: most}},
		{unix.Statfs_t{Blocks: 1<<64 - 1, Bfree: 1<<64 - 1, Bavail: 1<<64 - 1, Bsize: 4096}, Space{Capacity: most, Free: most}},
		{unix.Statfs_t{Bsize: 4096}, Space{Capacity: most, Free: most}},
	} {
		if got := spaceOf(c.found); got != c.want || got.IsFull(95) {
			t.Errorf("%+v: %+v", c.found, got)
		}
	}
}

func TestAVolumeIsFullFromSomePercentOn(t *testing.T) {
	for _, c := range []struct {
		space   Space
		percent int
		full    bool
	}{
		{Space{Capacity: 100, Used: 94, Free: 6}, 95, false},
		{Space{Capacity: 100, Used: 95, Free: 5}, 95, true},
		{Space{Capacity: 100, Used: 99, Free: 1}, 100, false},
		{Space{Capacity: 100, Used: 100, Free: 0}, 100, true},
		// The limit leaves much, the file system nothing.
		{Space{Capacity: 100, Used: 10, Free: 5}, 95, true},
		{Space{}, 95, true},
		{Space{Capacity: 1 << 62, Used: 0, Free: 1 << 62}, 1, false},
	} {
		if got := c.space.IsFull(c.percent); got != c.full {
			t.Errorf("%+v at %d: %v", c.space, c.percent, got)
		}
	}
}
