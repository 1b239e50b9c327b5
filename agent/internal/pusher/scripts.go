package pusher

import (
	"context"
	"io"
	"os"
	"path/filepath"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/pack"
	"github.com/converged-computing/oras-operator/agent/internal/failure"
	"github.com/converged-computing/oras-operator/agent/internal/protocol"
)

// Scripts is what is different beside an application script of the author's: it finds its inputs in a folder that it shares
// with this container, and leaves its output there.
type Scripts struct {
	// Prepare brings the inputs, while the script waits for a file.
	Prepare func(context.Context) error
	// Done is the file that the script makes when its output is whole.
	Done string
	// Output is what is packed then.
	Output pack.Options
}

// prepare brings the inputs of a script, which is told by the launcher when they cannot be had.
func (r *runner) prepare() {
	if r.Scripts == nil {
		return
	}
	r.work.Go(func() {
		err := r.Scripts.Prepare(r.ctx)
		if err == nil || r.ctx.Err() != nil {
			return
		}
		r.tell(CannotRun{Failure{codeOf(err, r.SetupFailed), err.Error()}})
	})
}

func codeOf(err error, otherwise int) int {
	if found := failure.As(err); found != nil {
		return found.Code
	}
	return otherwise
}

// collect packs what a script has left that ended with success. Its launcher waits for that.
func (r *runner) collect(s *session) stored {
	result := Result{Attempt: s.attempt}
	if _, err := os.Lstat(r.Scripts.Done); err != nil {
		result.Missing = "the application script ended without making " + filepath.Base(r.Scripts.Done)
		return stored{Result: result}
	}
	found, err := r.packOutput(s)
	if err != nil {
		return *r.refuse(s, err)
	}
	return *found
}

func (r *runner) packOutput(s *session) (*stored, error) {
	output, err := pack.Describe(r.Scripts.Output)
	if err != nil {
		return nil, err
	}
	content := protocol.Content{Title: output.Title, Directory: output.Directory, Mode: uint32(output.Mode)}
	var found *stored
	err = output.Pipe(r.ctx, func(read io.Reader) (err error) {
		found, err = r.receive(s, content, read, true)
		return err
	})
	return found, err
}

// forgetDone removes what an attempt said that is over: the next one has to say itself that it is done.
func (r *runner) forgetDone() {
	if r.Scripts != nil && r.ctx.Err() == nil {
		_ = os.Remove(r.Scripts.Done)
	}
}
