// Package server is what the keeper of a registry answers: to the operator what there is and how a sweep went, to steps
// how much room is left, to the kubelet whether the registry has to be started again.
package server

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/access"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/bucket"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/mirror"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/pulls"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/serving"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/sweep"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/usage"
)

// Keeper is the state of one.
type Keeper struct {
	Key access.Key
	// File is the registry's users file; nil where everybody may do everything.
	File *access.File
	// Volume is where artifacts are; nil where that is no volume of the Pod.
	Volume *usage.Volume
	// Bucket is where artifacts are instead; nil where that is no folder of a bucket.
	Bucket *bucket.Folder
	// Cache is the UID of the OrasCache.
	Cache string
	// RefuseAt is how full the volume may be, in percent, until steps are told that there is no room.
	RefuseAt    int
	Certificate *Certificate
	// Pulls are what the registry was asked for; nil where it does not say.
	Pulls *pulls.Record
	// Pushes are told to the operator as they come; nil where the registry does not tell of them.
	Pushes *Pushes
	// Mirror copies what is pushed; nil where nothing is to be copied.
	Mirror *mirror.Mirror
	// Export copies everything before the OrasCache goes.
	Export  *Export
	Metrics *Metrics
	Say     func(format string, args ...any)

	mu       sync.Mutex
	users    []string
	problems access.Problems
	wrong    string
	serving  serving.State
	running  bool
	last     *Last
	emptying emptying
	measured measured
	sweeps   sync.WaitGroup
}

// sweeper does a pass.
type sweeper interface {
	Run(ctx context.Context) (sweep.Outcome, error)
}

// Last is how the last pass ended.
type Last struct {
	sweep.Outcome
	// Failure says why it did not do all; the next one goes on.
	Failure string `json:"failure,omitempty"`
}

// SetUsers writes the users file for these users of the operator's, and for others as their Secret has them by now.
func (k *Keeper) SetUsers(users []string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	problems, err := k.File.Write(users)
	k.wrong = ""
	if err != nil {
		k.wrong = err.Error()
		return err
	}
	k.users, k.problems = users, problems
	return nil
}

// Refresh takes over what has changed in the Secrets with other users and with the certificate, and renews the certificate
// that is the keeper's own.
func (k *Keeper) Refresh() {
	k.refreshCertificate()
	if k.File == nil {
		return
	}
	k.mu.Lock()
	users, before := k.users, k.wrong
	k.mu.Unlock()
	if err := k.SetUsers(users); err != nil && err.Error() != before {
		k.Say("the registry's users cannot be written: %s", err)
	}
}

func (k *Keeper) refreshCertificate() {
	if k.Certificate == nil {
		return
	}
	state, err := k.Certificate.Files.Refresh(time.Now())
	if err != nil {
		state.Problem = "cannot be put where the registry reads it: " + err.Error()
	}
	k.mu.Lock()
	before := k.serving
	k.serving = state
	k.mu.Unlock()
	k.Metrics.serves(state)
	if state.Problem != "" && state.Problem != before.Problem {
		k.Say("the registry's certificate: its Secret %s", state.Problem)
	}
}

// Every refreshes until it is stopped. The kubelet needs about a minute for a Secret, so nobody waits for this.
func (k *Keeper) Every(ctx context.Context, pause time.Duration) {
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			k.Refresh()
		}
	}
}

// Sweep begins a pass, unless one runs.
func (k *Keeper) Sweep(ctx context.Context, pass sweeper) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.running {
		return false
	}
	k.running = true
	k.sweeps.Go(func() {
		out, err := pass.Run(ctx)
		last := &Last{Outcome: out}
		if err != nil {
			last.Failure = err.Error()
			if errors.Is(err, context.Canceled) {
				last.Failure = "the keeper was stopped"
			}
			k.Say("a sweep failed: %s", last.Failure)
		}
		k.Metrics.swept(last)
		k.mu.Lock()
		defer k.mu.Unlock()
		k.running, k.last = false, last
		k.measured.isOld = true
	})
	return true
}

// Wait waits for the end of a pass.
func (k *Keeper) Wait() { k.sweeps.Wait() }
