package mirror

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/layout"
	"github.com/converged-computing/oras-operator/agent/internal/reference"
	"github.com/converged-computing/oras-operator/agent/internal/registry"
)

var begin = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func newMirror(t *testing.T) *Mirror {
	m := &Mirror{From: Files(t.TempDir()), To: reference.Registry{Host: "other.example"}, Repositories: []string{"**"}, Say: t.Logf}
	m.Start(begin)
	m.relist = time.Now().Add(24 * time.Hour)
	return m
}

func TestWhatWaitsIsBounded(t *testing.T) {
	m := newMirror(t)
	for i := range mostPending + 5 {
		m.Pushed("a", fmt.Sprint("t", i), layout.Digest{1}, begin)
	}
	if len(m.pending) != mostPending || !m.more {
		t.Error(len(m.pending), m.more)
	}
	if m.isTimeToList(begin) {
		t.Error("the rest is looked for before there is room")
	}
	for n, it := range m.pending {
		m.finish(t.Context(), n, it, nil)
	}
	if !m.isTimeToList(begin) {
		t.Error("the rest is not looked for")
	}
	m.Pushed("a", "", layout.Digest{1}, begin)
	if len(m.pending) != 0 {
		t.Error("a push without a tag waits")
	}
}

func TestATagThatIsPushedWhileItIsCopiedIsCopiedAgain(t *testing.T) {
	m := newMirror(t)
	m.Pushed("a", "t", layout.Digest{1}, begin)
	n, it, _ := m.take(begin.Add(time.Second))
	if it == nil {
		t.Fatal("nothing to do")
	}
	m.Pushed("a", "t", layout.Digest{2}, begin.Add(2*time.Second))
	if _, other, _ := m.take(begin.Add(time.Minute)); other != nil {
		t.Error("one tag is copied twice at a time")
	}
	m.finish(t.Context(), n, it, nil)
	if _, again, _ := m.take(begin.Add(time.Minute)); again != it || !it.since.Equal(begin.Add(2*time.Second)) {
		t.Errorf("%+v", again)
	}
	m.finish(t.Context(), n, it, errGone)
	if status := m.Status(); status.Pending != 0 || status.Copied != 1 || status.Oldest != nil {
		t.Errorf("%+v", status)
	}
}

func TestARegistryThatDoesNotAnswerIsAskedAfterAPauseThatGrows(t *testing.T) {
	m := newMirror(t)
	m.Pushed("a", "one", layout.Digest{1}, begin)
	m.Pushed("a", "two", layout.Digest{1}, begin)
	var before time.Duration
	for range 8 {
		n, it := take(t, m)
		o, other := take(t, m)
		asked := time.Now()
		m.finish(t.Context(), n, it, &registry.Error{Kind: registry.Unavailable, Reason: "no answer"})
		m.finish(t.Context(), o, other, &registry.Error{Kind: registry.Unavailable, Reason: "no answer"})
		if _, none, wait := m.take(asked); none != nil || wait <= 0 {
			t.Error("it is asked at once")
		}
		if m.pause != max(min(2*before, lastPause), firstPause) {
			t.Error(m.pause, "after", before)
		}
		before = m.pause
		m.resumes = time.Time{}
	}
	if status := m.Status(); status.Trouble != "no answer" || status.Refused != 0 || status.Failures != 16 {
		t.Errorf("%+v", status)
	}
	n, it := take(t, m)
	m.finish(t.Context(), n, it, nil)
	if status := m.Status(); status.Trouble != "" || m.pause != 0 {
		t.Errorf("%+v", status)
	}
}

func take(t *testing.T, m *Mirror) (name, *item) {
	t.Helper()
	n, it, _ := m.take(time.Now().Add(time.Hour))
	if it == nil {
		t.Fatal("nothing to do")
	}
	return n, it
}

func TestWhatIsRefusedKeepsNoOtherWaiting(t *testing.T) {
	m := newMirror(t)
	m.Pushed("a", "no", layout.Digest{1}, begin)
	m.Pushed("a", "yes", layout.Digest{1}, begin.Add(time.Second))
	n, it := take(t, m)
	m.finish(t.Context(), n, it, errors.New("it is too large"))
	if _, other, _ := m.take(time.Now()); other == nil || other == it {
		t.Error("the other one waits")
	}
	if status := m.Status(); status.Refused != 1 || status.Samples[0] != (Refusal{"a:no", "it is too large"}) || status.Trouble != "" {
		t.Errorf("%+v", status)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	m.finish(ended, n, it, context.Canceled)
	if m.failures != 1 {
		t.Error("the end of the keeper is taken for a failure")
	}
}

// A remote registry may answer some artifacts with 500 each time.
func TestWhatIsNeverAnsweredKeepsNoOtherWaiting(t *testing.T) {
	m := newMirror(t)
	for i := range 2 * atOnce {
		m.Pushed("a", fmt.Sprint("bad", i), layout.Digest{1}, begin)
	}
	m.Pushed("a", "good", layout.Digest{1}, begin.Add(time.Hour))
	for range 10 {
		var names []name
		var items []*item
		for range atOnce {
			n, it := take(t, m)
			if n.tag == "good" {
				return
			}
			names, items = append(names, n), append(items, it)
		}
		for i, it := range items {
			m.finish(t.Context(), names[i], it, &registry.Error{Kind: registry.Unavailable, Reason: "500"})
			it.next = time.Time{}
		}
		m.resumes = time.Time{}
	}
	t.Error("the other one never has its turn")
}

// The remote registry may take nothing of a repository with thousands of tags.
func TestWhatIsRefusedLeavesRoom(t *testing.T) {
	m := newMirror(t)
	for i := range mostPending {
		m.Pushed("private", fmt.Sprint("t", i), layout.Digest{1}, begin)
	}
	for n, it := range m.pending {
		it.tried = layout.Digest{1}
		m.finish(t.Context(), n, it, errors.New("denied"))
	}
	found := func(repository, tag string, d layout.Digest) bool {
		m.found(name{repository, tag}, d, begin)
		return m.pending[name{repository, tag}] != nil
	}
	if !found("public", "found", layout.Digest{2}) {
		t.Error("what is found has no room")
	}
	m.Pushed("public", "pushed", layout.Digest{2}, begin)
	if m.pending[name{"public", "pushed"}] == nil {
		t.Error("what is pushed has no room")
	}
	if len(m.pending) != mostPending || len(m.done) != 2 {
		t.Error(len(m.pending), len(m.done))
	}
	// Those that gave way do not come back in turn, unless they are another manifest.
	for i := range mostPending {
		n := name{"private", fmt.Sprint("t", i)}
		if m.pending[n] == nil && (found(n.repository, n.tag, layout.Digest{1}) || !found(n.repository, n.tag, layout.Digest{3})) {
			t.Error(n)
		}
	}
}

func writeTag(t *testing.T, m *Mirror, tag string, d layout.Digest) {
	t.Helper()
	path := m.From.(Files).tree().Path(layout.Tag("a", tag))
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte("sha256:"+d.String()), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// Everything is there when all tags were looked at and nothing waited: not when the last one of a list was copied.
func TestOnceIsReachedWhenAListFindsNothingNew(t *testing.T) {
	m := newMirror(t)
	m.Once = true
	copied := func() {
		t.Helper()
		n, it := take(t, m)
		m.done[n.short()] = layout.Digest{1}.Short()
		m.finish(t.Context(), n, it, nil)
	}
	writeTag(t, m, "one", layout.Digest{1})
	m.list(t.Context(), begin)
	copied()
	if status := m.Status(); status.Whole || status.Total != 1 || status.Done != 1 || !m.isTimeToList(time.Now()) {
		t.Errorf("%+v", status)
	}
	writeTag(t, m, "two", layout.Digest{1})
	m.list(t.Context(), time.Now())
	if status := m.Status(); status.Whole || status.Total != 2 || status.Done != 1 || m.isTimeToList(time.Now()) {
		t.Errorf("%+v", status)
	}
	copied()
	m.list(t.Context(), time.Now())
	if status := m.Status(); !status.Whole || status.Done != 2 || m.isTimeToList(time.Now()) {
		t.Errorf("%+v", status)
	}
	m.Pushed("a", "three", layout.Digest{2}, begin)
	if m.Status().Whole {
		t.Error("what was pushed is not missed")
	}
}

// However many are refused, none of them is taken for copied.
func TestOnceIsNotReachedWhileSomethingIsRefused(t *testing.T) {
	m := newMirror(t)
	m.Once = true
	for i := range mostPending {
		m.found(name{"private", fmt.Sprint("t", i)}, layout.Digest{1}, begin)
	}
	for n, it := range m.pending {
		m.finish(t.Context(), n, it, errors.New("denied"))
	}
	m.found(name{"private", "more"}, layout.Digest{1}, begin)
	m.Pushed("private", "pushed", layout.Digest{1}, begin)
	if status := m.Status(); status.Done != 0 || status.Refused != mostPending || status.Whole || !m.more {
		t.Errorf("%d done, %d refused, whole: %v", status.Done, status.Refused, status.Whole)
	}
}

// The remote registry may have lost what was copied.
func TestEverythingIsComparedOnceADay(t *testing.T) {
	m := newMirror(t)
	d := layout.Digest{1}
	writeTag(t, m, "t", d)
	m.done[name{"a", "t"}.short()] = d.Short()
	m.list(t.Context(), begin.Add(listEvery))
	if len(m.pending) != 0 {
		t.Error("what was copied is copied again")
	}
	m.list(t.Context(), begin.Add(compareEvery))
	if len(m.pending) != 1 {
		t.Error("it is not compared")
	}
}

// An export tries again every few seconds: the log has each reason once, until it is another or the list was whole.
func TestWhyNothingCanBeListedIsSaidOnce(t *testing.T) {
	m := newMirror(t)
	m.Once = true
	said := 0
	m.Say = func(string, ...any) { said++ }
	whole, away := m.From, &Served{URL: "http://127.0.0.1:1", Transport: http.DefaultTransport}
	m.From = away
	for range 3 {
		m.list(t.Context(), time.Now())
	}
	if said != 1 || m.Status().Trouble == "" {
		t.Errorf("said %d times: %+v", said, m.Status())
	}
	m.From = whole
	m.list(t.Context(), time.Now())
	m.From = away
	m.list(t.Context(), time.Now())
	if said != 2 {
		t.Errorf("said %d times after it was whole", said)
	}
}
