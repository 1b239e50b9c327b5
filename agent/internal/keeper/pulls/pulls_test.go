package pulls

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/layout"
)

var begin = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func digest(name string) layout.Digest { return sha256.Sum256([]byte(name)) }

// has puts manifests into a registry.
func has(t *testing.T, data, repository string, names ...string) {
	t.Helper()
	for _, name := range names {
		path := layout.Of(data).Path(layout.Revision(repository, digest(name)))
		must(t, os.MkdirAll(filepath.Dir(path), 0o700))
		must(t, os.WriteFile(path, nil, 0o600))
	}
}

func open(t *testing.T, data, pod string, now time.Time) *Record {
	t.Helper()
	r, err := Open(data, pod, now)
	must(t, err)
	return r
}

func known(t *testing.T, r *Record) Known {
	t.Helper()
	k, err := r.Known()
	must(t, err)
	return k
}

func wantLast(t *testing.T, k Known, repository, name string, want time.Time) {
	t.Helper()
	got, is := k.Last(repository, digest(name))
	if is == want.IsZero() || is && !got.Equal(want) {
		t.Errorf("%s of %s: %s, %v; expected %s", name, repository, got, is, want)
	}
}

func TestARecordOutlivesItsKeeper(t *testing.T) {
	data := t.TempDir()
	has(t, data, "runs/a", "one", "two", "gone")
	r := open(t, data, "oras-0", begin)
	must(t, r.Note("runs/a", digest("one"), begin.Add(90*time.Second)))
	must(t, r.Note("runs/a", digest("two"), begin.Add(time.Hour)))
	must(t, r.Note("runs/a", digest("gone"), begin.Add(time.Hour)))
	must(t, r.Note("runs/a", digest("one"), begin.Add(2*time.Hour)))
	must(t, r.Note("runs/a", digest("one"), begin.Add(time.Hour)))
	must(t, os.Remove(layout.Of(data).Path(layout.Revision("runs/a", digest("gone")))))
	k := known(t, open(t, data, "oras-0", begin.Add(24*time.Hour)))
	if !k.Since().Equal(begin) {
		t.Error(k.Since())
	}
	wantLast(t, k, "runs/a", "one", begin.Add(2*time.Hour))
	wantLast(t, k, "runs/a", "two", begin.Add(time.Hour))
	wantLast(t, k, "runs/a", "gone", time.Time{})
	wantLast(t, k, "runs/b", "one", time.Time{})
}

func TestAPullCountsForTheMinuteThatItEndsIn(t *testing.T) {
	data := t.TempDir()
	has(t, data, "a", "one")
	r := open(t, data, "oras-0", begin)
	for i := range 1000 {
		must(t, r.Note("a", digest("one"), begin.Add(time.Duration(i+1)*10*time.Millisecond)))
	}
	wantLast(t, known(t, r), "a", "one", begin.Add(time.Minute))
	if r.lines != 1 {
		t.Error(r.lines)
	}
}

// A keeper may be killed while it writes, somebody may have written into the file, another release may read it.
func TestWhatIsNotWholeInAFileSaysNothing(t *testing.T) {
	since := fmt.Sprintf("since %d\n", minuteOf(begin))
	whole := line("a", digest("one"), minuteOf(begin.Add(time.Minute)))
	later := begin.Add(24 * time.Hour)
	for name, test := range map[string]struct {
		text  string
		since time.Time
		is    bool
	}{
		"an empty file":          {"", later, false},
		"no first line":          {whole, later, false},
		"a torn first line":      {"since 2", later, false},
		"a first line of words":  {"since ever\n" + whole, later, false},
		"a torn last line":       {since + whole + whole[:20], begin, true},
		"a torn line, no digest": {since + "12 ", begin, false},
		"a line of words":        {since + "so what\n\nx y z\n1 2\n" + whole, begin, true},
		"binary":                 {"\x00\xff\n", later, false},
	} {
		t.Run(name, func(t *testing.T) {
			data := t.TempDir()
			has(t, data, "a", "one")
			must(t, os.MkdirAll(Folder(data), 0o700))
			must(t, os.WriteFile(filepath.Join(Folder(data), "oras-0"), []byte(test.text), 0o600))
			k := known(t, open(t, data, "oras-0", later))
			if !k.Since().Equal(test.since) {
				t.Error(k.Since())
			}
			if _, is := k.Last("a", digest("one")); is != test.is {
				t.Error(is)
			}
		})
	}
}

func TestPodsOfOneVolumeKnowOfEachOther(t *testing.T) {
	data := t.TempDir()
	has(t, data, "a", "one", "two")
	first := open(t, data, "oras-0", begin)
	second := open(t, data, "oras-1", begin.Add(time.Hour))
	must(t, first.Note("a", digest("one"), begin.Add(3*time.Hour)))
	must(t, second.Note("a", digest("one"), begin.Add(2*time.Hour)))
	must(t, second.Note("a", digest("two"), begin.Add(2*time.Hour)))
	for _, r := range []*Record{first, second} {
		k := known(t, r)
		if !k.Since().Equal(begin.Add(time.Hour)) {
			t.Error(k.Since())
		}
		wantLast(t, k, "a", "one", begin.Add(3*time.Hour))
		wantLast(t, k, "a", "two", begin.Add(2*time.Hour))
	}
}

// A record that lacks a pull would let go what was pulled.
func TestARecordThatCannotBeWrittenSaysNothing(t *testing.T) {
	data := t.TempDir()
	has(t, data, "a", "one", "two")
	r := open(t, data, "oras-0", begin)
	other := open(t, data, "oras-1", begin)
	must(t, r.Note("a", digest("one"), begin.Add(time.Minute)))
	// There is no room: what is opened to append to cannot be.
	r.path = filepath.Join(data, "none", "oras-0")
	must(t, os.WriteFile(filepath.Join(data, "none"), nil, 0o600))
	if err := r.Note("a", digest("two"), begin.Add(time.Hour)); err == nil {
		t.Error("no error")
	}
	wantLast(t, known(t, r), "a", "two", begin.Add(time.Hour))
	r.path = filepath.Join(Folder(data), "oras-0")
	if err := r.fail(os.ErrPermission); err == nil {
		t.Error("no error")
	}
	if since := known(t, other).Since(); time.Since(since) > time.Hour {
		t.Error(since)
	}
	if since := known(t, open(t, data, "oras-0", begin.Add(24*time.Hour))).Since(); !since.Equal(begin.Add(24 * time.Hour)) {
		t.Error(since)
	}
	must(t, r.Note("a", digest("one"), begin.Add(2*time.Hour)))
	k := known(t, open(t, data, "oras-0", begin.Add(25*time.Hour)))
	if !k.Since().Equal(begin) {
		t.Error(k.Since())
	}
	wantLast(t, k, "a", "two", begin.Add(time.Hour))
}

func TestANameIsOneFieldOfALine(t *testing.T) {
	data := t.TempDir()
	has(t, data, "a", "one")
	r := open(t, data, "oras-0", begin)
	for _, name := range []string{"b\n" + line("a", digest("one"), 99), "a b", "a\u2028b", ""} {
		must(t, r.Note(name, digest("one"), begin.Add(time.Hour)))
	}
	wantLast(t, known(t, open(t, data, "oras-0", begin)), "a", "one", time.Time{})
}

// However much is pulled, a record has so much; what it left out it does not claim to know.
func TestARecordHasAnEnd(t *testing.T) {
	data := t.TempDir()
	r := open(t, data, "oras-0", begin)
	name := func(i int) string { return fmt.Sprint("artifact ", i) }
	at := func(i int) time.Time { return begin.Add(time.Duration(i/10+1) * time.Minute) }
	order := rand.Perm(most + 100)
	for _, i := range order {
		r.known.note("a", digest(name(i)), minuteOf(at(i)))
	}
	r.known.shrink(most * 9 / 10)
	if r.known.count > most*9/10 || r.known.count < most*8/10 {
		t.Error(r.known.count)
	}
	for _, i := range order {
		if _, is := r.known.last["a"][digest(name(i))]; is != at(i).After(r.known.since) {
			t.Fatalf("%d, pulled at %s, since %s: %v", i, at(i), r.known.since, is)
		}
	}
}

func TestAFileDoesNotGrowForEver(t *testing.T) {
	data := t.TempDir()
	has(t, data, "a", "one", "two")
	r := open(t, data, "oras-0", begin)
	for i := range 3 * spare {
		must(t, r.Note("a", digest([]string{"one", "two"}[i%2]), begin.Add(time.Duration(i)*time.Minute)))
	}
	if r.lines > spare+10 {
		t.Error(r.lines)
	}
	k := known(t, open(t, data, "oras-0", begin.Add(time.Hour)))
	wantLast(t, k, "a", "two", begin.Add((3*spare-1)*time.Minute))
	wantLast(t, k, "a", "one", begin.Add((3*spare-2)*time.Minute))
}
