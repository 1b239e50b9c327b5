package pusher

import (
	"context"
	"sync"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/failure"
	"github.com/converged-computing/oras-operator/agent/internal/protocol"
)

// Supply brings the inputs to launchers before their programs, where no init container has done so.
type Supply struct {
	// Prepare finds out what there is to send, and that the output may be pushed.
	Prepare func(context.Context) error
	// Send sends the inputs to a launcher, in order. An error that is no Failure is the end of the connection.
	Send func(context.Context, *protocol.Writer) error
}

// prepareSupply begins at once: wrapped containers start later. Each life of this container prepares once, so that every
// attempt reads the same inputs. That it fails matters only to a launcher that needs them.
func (r *runner) prepareSupply() {
	if r.Supply == nil {
		return
	}
	r.prepared = sync.OnceValue(func() error { return r.Supply.Prepare(r.ctx) })
	prepared := r.prepared
	r.work.Go(func() { _ = prepared() })
}

// supply lets the program of a launcher run, when it has its inputs.
func (r *runner) supply(s *session, prepared func() error) {
	if r.Supply != nil && s.needsInputs {
		err := prepared()
		if err == nil && s.ctx.Err() == nil {
			err = r.Supply.Send(s.ctx, s.writer)
		}
		switch {
		case s.ctx.Err() != nil:
			return
		case failure.As(err) != nil:
			r.tell(CannotServe{s.launcher, s.attempt, r.asFailure(err)})
			return
		case err != nil:
			// Whoever reads from the connection tells of its end.
			return
		}
	}
	_ = s.writer.Message(protocol.Run, nil)
}

// returnTime is how long a launcher may take to connect to a new life of this container: one that lives tries twice a
// second.
var returnTime = time.Minute

// expect tells of launchers that an earlier life has served, and that do not come back.
func (r *runner) expect(kept []Kept) {
	for number, one := range kept {
		if one.UnderWay && one.Result == nil {
			r.work.Go(func() {
				select {
				case <-time.After(returnTime):
					r.tell(Missing{number})
				case <-r.ctx.Done():
				}
			})
		}
	}
}
