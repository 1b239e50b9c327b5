package inputs

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/contract"
	"github.com/converged-computing/oras-operator/agent/internal/failure"
	"github.com/converged-computing/oras-operator/agent/internal/registry"
	"github.com/converged-computing/oras-operator/agent/internal/share"
)

// Waiting says which inputs are waited for that are not in their registries. The zero value: none is.
type Waiting struct {
	// For says it of each input.
	For []bool
	// Timeout is for how long; 0 is for ever.
	Timeout time.Duration
	// Began is the file that keeps when it began: a container that is started again goes on waiting.
	Began string
	// Prove is asked first, once: what fails the step anyway fails it before the wait. Its error is a Failure for the author.
	Prove func(context.Context) error
	// NeverCame is the exit code of the documented table.
	NeverCame int
}

// Pauses between looks, and how often it is said that inputs are still waited for.
const (
	firstPause = time.Second
	lastPause  = 15 * time.Second
	remindTime = time.Minute
)

// absent is an input that is waited for.
type absent struct {
	number     int
	repository *registry.Repository
	// err is what the registry said.
	err error
}

// wait is one wait for inputs: those that are not there are waited for together.
type wait struct {
	Source
	began, told time.Time
	pause       time.Duration
}

// isOver says whether the time is.
func (w *wait) isOver() bool { return w.Waiting.Timeout > 0 && w.left() <= 0 }

func (w *wait) left() time.Duration { return w.Waiting.Timeout - time.Since(w.began) }

// begin counts from when an earlier life of the container began.
func (w *wait) begin(ctx context.Context) error {
	if !w.began.IsZero() {
		return nil
	}
	if w.Waiting.Prove != nil {
		if err := w.Waiting.Prove(ctx); err != nil {
			return err
		}
	}
	now := time.Now()
	text, err := os.ReadFile(w.Waiting.Began)
	if err == nil {
		began, invalid := time.Parse(time.RFC3339Nano, string(text))
		if invalid == nil && began.Before(now) {
			w.began = began
			return nil
		}
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return w.broken(err)
	}
	w.began = now
	if err := share.WriteWhole(w.Waiting.Began, []byte(now.Format(time.RFC3339Nano)), 0o644); err != nil {
		return w.broken(err)
	}
	return nil
}

// end lets what comes later, such as another round of all containers, count anew.
func (w *wait) end() error {
	if w.began.IsZero() {
		return nil
	}
	w.Say("all inputs are there after %s of waiting", w.waited())
	if err := os.Remove(w.Waiting.Began); err != nil && !errors.Is(err, os.ErrNotExist) {
		return w.broken(err)
	}
	return nil
}

func (w *wait) waited() string { return registry.Words(time.Since(w.began)) }

// until returns when the registries have all of the missing inputs, when one answers something that has to be looked at,
// or when the time is over. An error is a Failure for the author, or the end of ctx.
func (w *wait) until(ctx context.Context, missing []absent) error {
	defer func() {
		for _, one := range missing {
			one.repository.Close()
		}
	}()
	for len(missing) > 0 && !w.isOver() {
		w.tell(missing)
		if err := w.sleep(ctx); err != nil {
			return err
		}
		var still []absent
		for _, one := range missing {
			there, err := one.repository.HasManifest(ctx)
			found := registry.As(err)
			switch {
			case ctx.Err() != nil:
				return context.Cause(ctx)
			case err != nil && (found == nil || found.Kind == registry.Unavailable):
				return w.failed(one.repository.Reference(), err)
			case err != nil:
				// Of a HEAD there are no words, and a login may have changed meanwhile.
				return nil
			case !there:
				still = append(still, one)
				continue
			}
			one.repository.Close()
		}
		missing = still
	}
	return nil
}

// sleep waits for a while, longer each time, and not longer than the time that is left. Many steps may wait for one input.
func (w *wait) sleep(ctx context.Context) error {
	w.pause = min(max(w.pause*3/2, firstPause), lastPause)
	pause := w.pause + time.Duration(rand.Int64N(int64(w.pause)/5))
	if w.Waiting.Timeout > 0 {
		pause = min(pause, max(w.left(), 0))
	}
	return registry.Sleep(ctx, pause)
}

// tell says once what is waited for and why, and after that, at most once a minute, what still is.
func (w *wait) tell(missing []absent) {
	now := time.Now()
	if !w.told.IsZero() && now.Sub(w.told) < remindTime {
		return
	}
	if w.told.IsZero() {
		limit := "as long as it takes"
		if w.Waiting.Timeout > 0 {
			limit = "for up to " + registry.Words(max(w.left(), 0))
		}
		for _, one := range missing {
			w.Say("waiting %s for input %d, %s: %s", limit, one.number+1, one.repository.Reference().Name(), one.err)
		}
	} else {
		w.Say("still waiting after %s: %s", w.waited(), listed(missing))
	}
	w.told = now
}

// neverCame ends the step.
func (w *wait) neverCame(missing []absent) error {
	return failure.Wrap(missing[0].err, w.Waiting.NeverCame, "waited %s (%s) in vain for %s; of input %d: %s",
		w.waited(), contract.WaitTimeoutAnnotation, listed(missing), missing[0].number+1, missing[0].err)
}

// listed names inputs, as many as a message can hold.
func listed(missing []absent) string {
	const most = 500
	var text strings.Builder
	for i, one := range missing {
		name := fmt.Sprintf("input %d, %s", one.number+1, one.repository.Reference().Name())
		if i > 0 && text.Len()+len(name) > most {
			fmt.Fprintf(&text, "; and %d more", len(missing)-i)
			break
		}
		if i > 0 {
			text.WriteString("; ")
		}
		text.WriteString(name)
	}
	return text.String()
}
