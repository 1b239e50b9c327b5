package sweep

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/layout"
)

// model is a registry whose requests look at files and write files one after the other, as distribution's do, and which
// can be halted between any two of them.
type model struct {
	t        *rapid.T
	data     string
	tree     layout.Tree
	requests []*request
	// kept are the artifacts that were pushed with success and not deleted.
	kept map[artifact]bool
	pass int
	// prompt: no request takes longer than the moment for which a pass waits.
	prompt bool
	// whole: the pass before was not killed.
	whole bool
}

// request is one that is under way.
type request struct {
	next func() (struct{}, bool)
	stop func()
	pass int
}

// artifact is what a client pushes: by few names, so that the same come again.
type artifact struct {
	repository string
	number     int
}

const modelBlobs = 5

func content(number int) []byte { return fmt.Appendf(nil, "content %d", number) }

func digestOf(content []byte) layout.Digest { return sha256.Sum256(content) }

func (a artifact) blobs() []int { return []int{a.number % modelBlobs, (a.number*2 + 1) % modelBlobs} }

func (a artifact) manifest() []byte {
	var text strings.Builder
	for _, blob := range a.blobs() {
		fmt.Fprintf(&text, `"sha256:%s",`, digestOf(content(blob)))
	}
	return fmt.Appendf(nil, `[%s%d]`, text.String(), a.number)
}

func (a artifact) link(kind string, d layout.Digest) string {
	return filepath.Join("repositories", a.repository, kind, "sha256", d.String(), "link")
}

func (a artifact) layer(d layout.Digest) string { return a.link("_layers", d) }
func (a artifact) revision() string {
	return a.link("_manifests/revisions", digestOf(a.manifest()))
}

func (m *model) has(name string) bool {
	_, err := os.Lstat(m.tree.Path(name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		m.t.Fatal(err)
	}
	return err == nil
}

// write makes a file whole, like PutContent of distribution's driver.
func (m *model) write(name string, content []byte) {
	path := m.tree.Path(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(path+".tmp", content, 0o666); err != nil {
		m.t.Fatal(err)
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		m.t.Fatal(err)
	}
}

// store is what comes before the link of a blob or manifest: data that is there is not written again.
func (m *model) store(content []byte, yield func(struct{}) bool) bool {
	name := layout.Blob(digestOf(content))
	is := m.has(name)
	if !yield(struct{}{}) {
		return false
	}
	if !is {
		m.write(name, content)
	}
	return yield(struct{}{})
}

// push is a client that asks for each blob, uploads or mounts it, and then pushes the manifest; where a blob is missing
// then, it begins again.
func (m *model) push(a artifact) iter.Seq[struct{}] {
	return func(yield func(struct{}) bool) {
		for !m.verified(a, yield) {
			for _, number := range a.blobs() {
				blob := content(number)
				d := digestOf(blob)
				if m.has(a.layer(d)) && m.has(layout.Blob(d)) {
					continue
				}
				if !yield(struct{}{}) {
					return
				}
				other := artifact{repository: "b"}
				mounted := number%2 == 0 && m.has(other.layer(d)) && m.has(layout.Blob(d))
				if mounted && !yield(struct{}{}) || !mounted && !m.store(blob, yield) {
					return
				}
				m.write(a.layer(d), fmt.Appendf(nil, "sha256:%s", d))
				if !yield(struct{}{}) {
					return
				}
			}
		}
		if m.store(a.manifest(), yield) {
			m.write(a.revision(), fmt.Appendf(nil, "sha256:%s", digestOf(a.manifest())))
			m.kept[a] = true
		}
	}
}

func (m *model) verified(a artifact, yield func(struct{}) bool) bool {
	for _, number := range a.blobs() {
		d := digestOf(content(number))
		if !m.has(a.layer(d)) || !m.has(layout.Blob(d)) {
			return false
		}
		if !yield(struct{}{}) {
			return true
		}
	}
	return true
}

// all are the kept artifacts, in the same order each time.
func (m *model) all() []artifact {
	return slices.SortedFunc(maps.Keys(m.kept), func(a, b artifact) int {
		return cmp.Or(cmp.Compare(a.repository, b.repository), cmp.Compare(a.number, b.number))
	})
}

func (m *model) delete(a artifact) {
	if err := os.Remove(m.tree.Path(a.revision())); err != nil {
		m.t.Fatal(err)
	}
	delete(m.kept, a)
}

// act lets clients do something, or nothing.
func (m *model) act() {
	for range rapid.IntRange(0, 6).Draw(m.t, "actions") {
		switch action := rapid.IntRange(0, 9).Draw(m.t, "action"); {
		case action == 0 && len(m.requests) < 4:
			a := artifact{rapid.SampledFrom([]string{"a", "b", "a/c"}).Draw(m.t, "repository"), rapid.IntRange(0, 6).Draw(m.t, "number")}
			next, stop := iter.Pull(m.push(a))
			m.requests = append(m.requests, &request{next, stop, m.pass})
		case action == 1:
			if all := m.all(); len(all) > 0 {
				m.delete(rapid.SampledFrom(all).Draw(m.t, "deleted"))
			}
		case len(m.requests) > 0:
			m.advance(rapid.IntRange(0, len(m.requests)-1).Draw(m.t, "request"))
		}
	}
}

func (m *model) advance(at int) {
	if _, more := m.requests[at].next(); !more {
		m.requests = append(m.requests[:at], m.requests[at+1:]...)
	}
}

// finish ends the requests that began before a pass.
func (m *model) finish(pass int) {
	for at := 0; at < len(m.requests); {
		if m.requests[at].pass >= pass {
			at++
			continue
		}
		m.advance(at)
	}
}

var errKilled = errors.New("killed")

// sweep runs a pass that is killed before a change, if there are so many, while clients go on.
func (m *model) sweep(killedAt int) {
	changes := 0
	pass := Pass{Data: m.data, before: func(change string) {
		if changes++; changes == killedAt {
			panic(errKilled)
		}
		m.act()
		if change == "wait" && m.prompt {
			m.finish(m.pass + 1)
		}
	}}
	defer func() {
		failure := recover()
		if failure != nil && failure != any(errKilled) {
			panic(failure)
		}
		if failure == nil && m.prompt && m.whole {
			m.check()
		}
		// What a killed pass left, the next one puts right.
		m.whole = failure == nil
		// No request lasts from before one pass until after the next.
		m.finish(m.pass)
		m.pass++
	}()
	if _, err := pass.Run(m.t.Context()); err != nil {
		m.t.Fatal(err)
	}
}

func (m *model) check() {
	for a := range m.kept {
		for _, name := range []string{a.revision(), layout.Blob(digestOf(a.manifest()))} {
			if !m.has(name) {
				m.t.Errorf("%v lacks %s", a, name)
			}
		}
		for _, number := range a.blobs() {
			d := digestOf(content(number))
			found, err := os.ReadFile(m.tree.Path(layout.Blob(d)))
			if err != nil || !bytes.Equal(found, content(number)) || !m.has(a.layer(d)) {
				m.t.Errorf("%v lacks blob %d: %q, %v", a, number, found, err)
			}
		}
	}
}

func (m *model) files() int {
	count := 0
	for _, below := range []string{"blobs", "repositories"} {
		err := filepath.WalkDir(m.tree.Path(below), func(path string, entry fs.DirEntry, err error) error {
			if err == nil && (!entry.IsDir() || len(entry.Name()) > 60) {
				count++
			}
			return nil
		})
		if err != nil {
			m.t.Fatal(err)
		}
	}
	return count
}

// Whatever requests do between any two steps of a pass, and wherever passes are killed: after the next pass every
// artifact that was pushed is whole, and what is not needed goes. Where requests are prompt, every artifact is whole as
// soon as a pass has ended.
func TestNoOrderBreaksAnArtifact(t *testing.T) {
	var passes, put int
	rapid.Check(t, func(rt *rapid.T) {
		data, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		m := &model{t: rt, data: data, tree: layout.Of(data), kept: map[artifact]bool{}, prompt: rapid.Bool().Draw(rt, "prompt"), whole: true}
		defer func() {
			for _, r := range m.requests {
				r.stop()
			}
		}()
		for range rapid.IntRange(1, 6).Draw(rt, "passes") {
			m.act()
			m.sweep(rapid.IntRange(0, 12).Draw(rt, "killed at"))
			passes++
		}
		m.finish(m.pass + 1)
		last := Pass{Data: data}
		out, err := last.Run(rt.Context())
		if err != nil {
			rt.Fatal(err)
		}
		put += out.PutBack
		m.check()
		for _, a := range m.all() {
			m.delete(a)
		}
		for range 4 {
			last := Pass{Data: data}
			if _, err := last.Run(rt.Context()); err != nil {
				rt.Fatal(err)
			}
		}
		if left := m.files(); left > 0 {
			rt.Errorf("%d files and folders are left that nothing needs", left)
		}
	})
	t.Logf("%d passes, %d put back by the last", passes, put)
}

func TestManifestsNameDigests(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := map[layout.Digest]bool{}
		var texts []string
		for range rapid.IntRange(0, 5).Draw(t, "count") {
			d := digestOf(rapid.SliceOf(rapid.Byte()).Draw(t, "content"))
			want[d] = true
			text := d.String()
			if rapid.Bool().Draw(t, "escaped") {
				at := rapid.IntRange(0, 63).Draw(t, "at")
				text = text[:at] + fmt.Sprintf(`\u%04x`, text[at]) + text[at+1:]
			}
			before := rapid.SampledFrom([]string{"sha256:", "", `\\`, `\b`, "ä", `\u0022`}).Draw(t, "before")
			texts = append(texts, `"`+before+text+rapid.SampledFrom([]string{"", "!", `\f`, ` 00`}).Draw(t, "after")+`"`)
		}
		// What is no digest is none.
		texts = append(texts, `"`+strings.Repeat("a", 63)+`"`, `"`+strings.Repeat("b", 65)+`"`, `"`+strings.Repeat("C", 64)+`"`)
		text := "[" + strings.Join(texts, ",") + "]"
		if !json.Valid([]byte(text)) {
			t.Fatal(text)
		}
		got := map[layout.Digest]bool{}
		buffer := make([]byte, rapid.IntRange(1, 100).Draw(t, "buffer"))
		if err := NamesIn(strings.NewReader(text), buffer, func(d layout.Digest) { got[d] = true }); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s names %v", text, got)
		}
	})
}
