package server

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/layout"
)

const (
	// mostFollowers are the operator's leader, its successor, and who has not noticed yet that a connection is dead.
	mostFollowers = 4
	// mostWaiting lines wait for a follower that reads slowly.
	mostWaiting = 512
	// heartbeat is how often an empty line is sent, by which both ends find that a connection is dead.
	heartbeat = 20 * time.Second
	// takenWithin is how long a follower may take for a line.
	takenWithin = 10 * time.Second
	// longestUserAgent is more than a step has.
	longestUserAgent = 256
)

// Pushes tells the operator of pushed manifests, as the registry tells of them. What is told is a hint: a line may be missing,
// come twice, or be made up by who may reach the Pod by port-forward. The registry tells before it writes a tag.
type Pushes struct {
	mu        sync.Mutex
	followers []*follower
}

// follower reads the lines of one answer.
type follower struct {
	lines chan []byte
	// gone is closed when nothing more is sent.
	gone chan struct{}
}

// pushed is a line.
type pushed struct {
	Repository string `json:"repository"`
	// Tag is empty where the manifest was pushed by its digest.
	Tag    string `json:"tag,omitempty"`
	Digest string `json:"digest"`
	// UserAgent is empty where it is longer than that of any step.
	UserAgent string `json:"userAgent,omitempty"`
}

// tell never waits: the registry keeps in its memory what comes after this. A follower that has too much to read is ended.
func (p *Pushes) tell(e event, d layout.Digest) {
	said := pushed{Repository: e.Target.Repository, Tag: e.Target.Tag, Digest: "sha256:" + d.String(), UserAgent: e.Request.UserAgent}
	if len(said.UserAgent) > longestUserAgent {
		said.UserAgent = ""
	}
	line, _ := json.Marshal(said) // Strings always are JSON.
	line = append(line, '\n')
	p.mu.Lock()
	defer p.mu.Unlock()
	p.followers = slices.DeleteFunc(p.followers, func(f *follower) bool {
		select {
		case f.lines <- line:
			return false
		default:
			close(f.gone)
			return true
		}
	})
}

// join begins to collect lines for another follower. Where there are too many, the oldest is ended.
func (p *Pushes) join() *follower {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.followers) == mostFollowers {
		close(p.followers[0].gone)
		p.followers = slices.Delete(p.followers, 0, 1)
	}
	f := &follower{lines: make(chan []byte, mostWaiting), gone: make(chan struct{})}
	p.followers = append(p.followers, f)
	return f
}

func (p *Pushes) leave(f *follower) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.followers = slices.DeleteFunc(p.followers, func(other *follower) bool { return other == f })
}

// Follow sends an empty line at once, from which on no push is missed, and then each push, until the context ends, a line
// cannot be sent, or the follower is ended.
func (p *Pushes) Follow(ctx context.Context, send func(line []byte) error) {
	f := p.join()
	defer p.leave(f)
	line := []byte("\n")
	ticker := time.NewTicker(heartbeat)
	defer ticker.Stop()
	for {
		if send(line) != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-f.gone:
			return
		case line = <-f.lines:
		case <-ticker.C:
			line = []byte("\n")
		}
	}
}

// answer is a request that stays open: see Follow. It ends with the keeper, too.
func (p *Pushes) answer(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	ctx, end := context.WithCancel(ctx)
	defer end()
	defer context.AfterFunc(r.Context(), end)()
	connection := http.NewResponseController(w)
	w.Header().Set("Content-Type", "application/jsonl")
	p.Follow(ctx, func(line []byte) error {
		// The server's deadline is for answers that end.
		if err := connection.SetWriteDeadline(time.Now().Add(takenWithin)); err != nil {
			return err
		}
		if _, err := w.Write(line); err != nil {
			return err
		}
		return connection.Flush()
	})
}
