package mirror

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/contract"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/layout"
	"github.com/converged-computing/oras-operator/agent/internal/registry"
)

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
