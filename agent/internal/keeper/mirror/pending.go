package mirror

import (
	"crypto/sha256"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/layout"
)

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
