package mirror

import (
	"context"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/layout"
)

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
	text := "the artifacts cannot be listed: " + err.Error()
	if text != m.unlisted {
		m.Say("the artifacts to copy to %s cannot be listed: %s", m.Name, err)
	}
	m.unlisted = text
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
