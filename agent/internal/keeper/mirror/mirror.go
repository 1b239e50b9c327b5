// Package mirror copies artifacts of a registry to another one, as they are pushed. The remote registry is what counts: there is no
// record of what it has, so whatever was missed is found by comparing.
package mirror

import (
	"context"
	"sync"
	"time"

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

// Start prepares it.
func (m *Mirror) Start(now time.Time) {
	m.pending, m.done, m.wake = map[name]*item{}, map[uint64]uint64{}, make(chan struct{}, 1)
	m.began, m.compared, m.relist = now, now, now
	m.Registry.Timeout = tryFor
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
