// Package mirror copies artifacts of a registry to another one, as they are pushed. The remote registry is what counts: there is no
// record of what it has, so whatever was missed is found by comparing.
package mirror

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"io/fs"
	"strings"
	"sync"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/contract"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/layout"
	"github.com/converged-computing/oras-operator/agent/internal/reference"
	"github.com/converged-computing/oras-operator/agent/internal/registry"
)

const (
	// atOnce is how many tags are copied at a time, so that a large one does not keep small ones waiting.
	atOnce = 4
	// mostPending is how many tags are remembered that are to be copied; the others are found again when half of them are done.
	mostPending = 2_000
	// listEvery is how often all tags are looked at: what was told while nobody listened is found so.
	listEvery = 10 * time.Minute
	// compareEvery is how often all of them are compared with what the remote registry has: it may have lost some.
	compareEvery = 24 * time.Hour
	// settles is how long after its notification a tag is looked at: the registry writes it after it has told of it. A tag that
	// does not stand for what was told is looked at again for a while.
	settles, settlesWithin = 100 * time.Millisecond, 2 * time.Second
	// While the remote registry does not answer it is asked again after a pause, which grows.
	firstPause, lastPause = time.Second, 30 * time.Second
	// What the remote registry refuses, or what the Secret has no login for, is tried again after a while that grows: somebody may
	// have corrected it.
	firstRefusal, lastRefusal, lastRefusalOnce = 15 * time.Second, listEvery, time.Minute
	// tryFor is how long one tag is tried for: what waits behind it is to have its turn.
	tryFor = 10 * time.Second
)

// Mirror copies tags.
type Mirror struct {
	// From is the registry whose artifacts are copied.
	From Source
	To   reference.Registry
	// Name is that of the remote registry as it was written.
	Name string
	// Repositories are globs.
	Repositories []string
	// Secret is the folder with the logins; empty where none is needed.
	Secret string
	// Registry says how to speak to the remote one.
	Registry registry.Options
	// SecretWord and RegistryWord are what messages call the Secret and the remote registry, whose author wrote no step.
	SecretWord, RegistryWord string
	// Once: as soon as nothing waits, all tags are looked at again, until nothing new is found. See Status.Whole.
	Once bool
	Say  func(format string, args ...any)

	mu      sync.Mutex
	pending map[name]*item
	// done is what was copied, by hashes: of repository and tag, of the manifest.
	done     map[uint64]uint64
	wake     chan struct{}
	began    time.Time
	compared time.Time
	listed   bool
	more     bool
	relist   time.Time
	pause    time.Duration
	resumes  time.Time
	trouble  string
	unlisted string
	total    int
	whole    bool
	copied   int
	failures int
	last     time.Time
}

// name is a tag of a repository.
type name struct{ repository, tag string }

func (n name) String() string { return n.repository + ":" + n.tag }

func (n name) short() uint64 { return layout.Digest(sha256.Sum256([]byte(n.String()))).Short() }

// item is a tag that is to be copied.
type item struct {
	// since when it waits, told when the registry last told of it, next when it is looked at.
	since, told, next time.Time
	// wanted is the manifest that the registry has told of; zero where nobody has.
	wanted layout.Digest
	// tried is the manifest that was last tried, unanswered how often the remote registry did not answer.
	tried      layout.Digest
	unanswered int
	busy       bool
	// again: it was pushed while it was copied.
	again bool
	// refused says why the last try failed, refusals how many did.
	refused  string
	refusals int
}

// Status is what a mirror tells.
type Status struct {
	To string `json:"to"`
	// Listed says whether all tags have been compared once.
	Listed  bool `json:"listed"`
	Pending int  `json:"pending"`
	// Total is how many tags there were when they were listed last, Done how many of them the remote registry has.
	Total int `json:"total"`
	Done  int `json:"done"`
	// Whole says that Once is reached: the remote registry has all that was found when the tags were listed last.
	Whole bool `json:"whole"`
	// Oldest is since when the first of them waits.
	Oldest *time.Time `json:"oldest,omitempty"`
	Last   *time.Time `json:"last,omitempty"`
	Copied int        `json:"copied"`
	// Trouble says why nothing is copied by now, Refused what the remote registry does not take.
	Trouble string    `json:"trouble,omitempty"`
	Refused int       `json:"refused"`
	Samples []Refusal `json:"samples"`
	// Failures counts copies that failed.
	Failures int `json:"failures"`
}

// Refusal is a tag that the remote registry does not take.
type Refusal struct {
	Artifact string `json:"artifact"`
	Error    string `json:"error"`
}

// samples are as many refusals as a message bears.
const samples = 3

// Start prepares it.
func (m *Mirror) Start(now time.Time) {
	m.pending, m.done, m.wake = map[name]*item{}, map[uint64]uint64{}, make(chan struct{}, 1)
	m.began, m.compared, m.relist = now, now, now
	m.Registry.Timeout = tryFor
}

// Pushed is told of each push of a tag.
func (m *Mirror) Pushed(repository, tag string, d layout.Digest, now time.Time) {
	if tag == "" || !m.has(repository) {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	n := name{repository, tag}
	known := m.pending[n]
	if known == nil {
		if !m.hasRoom() {
			m.whole = false
			return
		}
		known = &item{since: now}
		m.pending[n] = known
	}
	m.whole = false
	known.wanted, known.told, known.next, known.again = d, now, now.Add(settles), known.busy
	m.signal()
}

// probes are how many tags are looked at for one that is refused: where these take the room, most are.
const probes = 16

// hasRoom says whether another tag may wait. One that the remote registry refuses gives way, and is not tried again before
// its next push or the next comparison: else a repository that it takes nothing of would keep all others out.
func (m *Mirror) hasRoom() bool {
	if len(m.pending) < mostPending {
		return true
	}
	looked := 0
	for n, it := range m.pending {
		if m.Once {
			break // What is refused is not done.
		}
		if it.refused != "" && !it.busy {
			m.done[n.short()] = it.tried.Short()
			delete(m.pending, n)
			return true
		}
		if looked++; looked == probes {
			break
		}
	}
	m.more = true
	return false
}

func (m *Mirror) has(repository string) bool {
	for _, glob := range m.Repositories {
		if Matches(glob, repository) {
			return true
		}
	}
	return false
}

func (m *Mirror) signal() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// Run copies until it is stopped.
func (m *Mirror) Run(ctx context.Context) {
	var working sync.WaitGroup
	defer working.Wait()
	slots := make(chan struct{}, atOnce)
	for ctx.Err() == nil {
		if m.isTimeToList(time.Now()) {
			m.list(ctx, time.Now())
		}
		slots <- struct{}{}
		n, it, wait := m.take(time.Now())
		if it != nil {
			working.Go(func() {
				m.finish(ctx, n, it, m.copy(ctx, n, it))
				<-slots
				m.signal()
			})
			continue
		}
		<-slots
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-m.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

func (m *Mirror) isTimeToList(now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !now.Before(m.relist) || m.more && len(m.pending) <= mostPending/2
}

// list finds tags that may not have been copied.
func (m *Mirror) list(ctx context.Context, now time.Time) {
	m.mu.Lock()
	m.more, m.whole = false, false
	if now.Sub(m.compared) >= compareEvery && !m.Once {
		m.compared = now
		clear(m.done)
	}
	m.mu.Unlock()
	total := 0
	err := m.From.Tags(ctx, m.has, func(repository, tag string, d layout.Digest, pushed time.Time) {
		total++
		m.found(name{repository, tag}, d, pushed)
	})
	m.mu.Lock()
	defer m.mu.Unlock()
	m.relist = now.Add(listEvery)
	m.listed = m.listed || err == nil
	if err == nil {
		m.total, m.unlisted = total, ""
		m.whole = m.Once && len(m.pending) == 0 && !m.more
		return
	}
	if ctx.Err() != nil {
		return
	}
	m.Say("the artifacts to copy to %s cannot be listed: %s", m.Name, err)
	m.unlisted = "the artifacts cannot be listed: " + err.Error()
	if m.Once {
		m.relist = time.Now().Add(firstRefusal)
	}
}

func (m *Mirror) found(n name, d layout.Digest, pushed time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.pending[n] != nil || m.done[n.short()] == d.Short() || !m.hasRoom() {
		return
	}
	if pushed.Before(m.began) {
		pushed = m.began
	}
	m.pending[n] = &item{since: pushed}
}

// isBefore puts those last that the remote registry did not answer to: some let it fail each time, and would take all turns.
func (it *item) isBefore(other *item) bool {
	if it.unanswered != other.unanswered {
		return it.unanswered < other.unanswered
	}
	return it.since.Before(other.since)
}

// take takes the tag that waits longest of those whose time has come, or says how long nothing is to be done.
func (m *Mirror) take(now time.Time) (name, *item, time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	wait := max(m.relist.Sub(now), 0)
	if now.Before(m.resumes) {
		return name{}, nil, min(wait, m.resumes.Sub(now))
	}
	var first name
	var found *item
	for n, it := range m.pending {
		switch {
		case it.busy:
		case it.next.After(now):
			wait = min(wait, it.next.Sub(now))
		case found == nil || it.isBefore(found):
			first, found = n, it
		}
	}
	if found != nil {
		found.busy, found.again = true, false
	}
	return first, found, wait
}

// errSettles says that a tag does not stand for what was told yet.
var errSettles = errors.New("the tag is not written yet")

// errGone says that there is nothing to copy any more.
var errGone = errors.New("the tag is gone")

// copy copies a tag, unless the remote registry has it.
func (m *Mirror) copy(ctx context.Context, n name, it *item) error {
	d, err := m.target(ctx, n)
	if err != nil {
		return err
	}
	m.mu.Lock()
	wanted, told := it.wanted, it.told
	it.tried = d
	m.mu.Unlock()
	if wanted != (layout.Digest{}) && wanted != d && time.Since(told) < settlesWithin {
		return errSettles
	}
	c, remote, err := m.open(n.repository, n.tag)
	if err != nil {
		return err
	}
	defer remote.Close()
	if remote.DigestOfTag(ctx) != "sha256:"+d.String() {
		if err := c.manifest(ctx, remote, d, 0); err != nil {
			return err
		}
	}
	m.mu.Lock()
	m.done[n.short()] = d.Short()
	m.mu.Unlock()
	// It may have been moved meanwhile, by whoever speaks to another registry of this volume.
	if now, err := m.target(ctx, n); err == nil && now != d {
		return errSettles
	}
	return nil
}

func (m *Mirror) target(ctx context.Context, n name) (layout.Digest, error) {
	d, err := m.From.Target(ctx, n.repository, n.tag)
	if errors.Is(err, fs.ErrNotExist) {
		return d, errGone
	}
	return d, err
}

// finish notes what came of a copy.
func (m *Mirror) finish(ctx context.Context, n name, it *item, err error) {
	if ctx.Err() != nil {
		return
	}
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	it.busy = false
	switch e := registry.As(err); {
	case err == nil, errors.Is(err, errGone):
		m.succeeded(n, it, err == nil, now)
	case errors.Is(err, errSettles):
		it.next = now.Add(settles)
	case e != nil && e.Kind == registry.Unavailable:
		m.failures++
		it.unanswered++
		// Those that were under way with it tell nothing new.
		if now.After(m.resumes) {
			m.pause = min(max(2*m.pause, firstPause), lastPause)
			m.resumes = now.Add(m.pause)
		}
		it.next = m.resumes
		m.say(&m.trouble, n, err)
	default:
		m.failures++
		if !it.again {
			it.next = now.Add(min(firstRefusal<<min(it.refusals, 10), m.longestRefusal()))
		}
		it.refusals++
		m.say(&it.refused, n, err)
	}
}

// longestRefusal is how long what is refused waits at most. Somebody waits for the end of an export.
func (m *Mirror) longestRefusal() time.Duration {
	if m.Once {
		return lastRefusalOnce
	}
	return lastRefusal
}

func (m *Mirror) succeeded(n name, it *item, isCopied bool, now time.Time) {
	if it.again {
		it.since, it.refused, it.refusals, it.unanswered = it.told, "", 0, 0
	} else {
		delete(m.pending, n)
	}
	if m.Once && len(m.pending) == 0 {
		m.relist = now
	}
	if !isCopied {
		return
	}
	m.copied++
	m.last, m.pause, m.resumes, m.trouble = now, 0, time.Time{}, ""
}

// say keeps why something failed, in words for the author of an OrasCache, and logs it once.
func (m *Mirror) say(into *string, n name, err error) {
	text := strings.NewReplacer(contract.OrasEnvAnnotation, m.SecretWord, contract.RegistryAnnotation, m.RegistryWord).Replace(err.Error())
	if *into != text {
		m.Say("%s cannot be copied to %s: %s", n, m.Name, text)
	}
	*into = text
}

// Status is how it stands.
func (m *Mirror) Status() Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := Status{To: m.Name, Listed: m.listed, Pending: len(m.pending), Copied: m.copied, Failures: m.failures, Trouble: cmp.Or(m.trouble, m.unlisted), Total: m.total, Done: min(len(m.done), m.total), Whole: m.whole, Samples: []Refusal{}}
	if !m.last.IsZero() {
		last := m.last.UTC()
		s.Last = &last
	}
	for n, it := range m.pending {
		if s.Oldest == nil || it.since.Before(*s.Oldest) {
			since := it.since.UTC()
			s.Oldest = &since
		}
		if it.refused == "" {
			continue
		}
		s.Refused++
		if len(s.Samples) < samples {
			s.Samples = append(s.Samples, Refusal{Artifact: n.String(), Error: it.refused})
		}
	}
	return s
}
