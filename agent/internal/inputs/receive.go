package inputs

import (
	"context"
	"errors"
	"io"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/unpack"
	"github.com/converged-computing/oras-operator/agent/internal/failure"
	"github.com/converged-computing/oras-operator/agent/internal/protocol"
)

// Receiving unpacks inputs as they come over one connection: Begin, Data and End for each, then Commit. Nothing stands
// under its final name before that. Close it; it is for one goroutine.
type Receiving struct {
	into   Into
	target *unpack.Target
	now    *arriving
	failed error
}

// arriving is the input that comes now.
type arriving struct {
	pipe *io.PipeWriter
	done chan error
}

// Receive begins with a new connection.
func (u Into) Receive() *Receiving { return &Receiving{into: u} }

// Begin is called when an input begins. Like Data, End and Commit it returns why inputs cannot be unpacked, once: after
// that nothing is done with what still comes.
func (r *Receiving) Begin(ctx context.Context, content protocol.Content) error {
	if r.failed != nil {
		return nil
	}
	if r.now != nil {
		return r.fail(errors.New("the container oras sent an input in the middle of another"))
	}
	if r.target == nil {
		target, err := unpack.Open(r.into.Target)
		if err != nil {
			return r.fail(err)
		}
		r.target = target
	}
	layer, target := layerFrom(content), r.target
	read, write := io.Pipe()
	r.now = &arriving{write, make(chan error, 1)}
	go func(done chan<- error) {
		err := r.into.unpackOne(ctx, target, layer, read)
		if err == nil {
			// Padding after a tar, for instance.
			_, err = io.Copy(io.Discard, read)
		}
		_ = read.CloseWithError(errUnpacked)
		done <- err
	}(r.now.done)
	return nil
}

// errUnpacked ends a pipe from which nobody reads any more.
var errUnpacked = errors.New("the input is not unpacked any further")

// Data takes the next bytes of an input.
func (r *Receiving) Data(piece []byte) error {
	if r.failed != nil || r.now == nil {
		return nil
	}
	if _, err := r.now.pipe.Write(piece); err != nil {
		return r.finish(err)
	}
	return nil
}

// End is called when an input is whole.
func (r *Receiving) End() error {
	if r.failed != nil || r.now == nil {
		return nil
	}
	return r.finish(nil)
}

// finish waits until what came is unpacked. The error is for who unpacks.
func (r *Receiving) finish(err error) error {
	_ = r.now.pipe.CloseWithError(err)
	err = <-r.now.done
	r.now = nil
	return r.fail(err)
}

func (r *Receiving) fail(err error) error {
	if err == nil {
		return nil
	}
	if failure.As(err) == nil {
		err = failure.Wrap(err, r.into.Target.Code, "%s", err)
	}
	r.failed = err
	r.drop()
	return err
}

// Commit gives everything its final name, if nothing has failed: only then it returns true.
func (r *Receiving) Commit(ctx context.Context) (bool, error) {
	if r.failed != nil || r.now != nil {
		return false, nil
	}
	if r.target == nil {
		return true, nil
	}
	err := r.fail(r.target.Commit(ctx))
	r.drop()
	return err == nil, err
}

// errBrokenOff ends an input whose connection broke off.
var errBrokenOff = errors.New("the connection to the container oras broke off")

// Close removes what is not committed.
func (r *Receiving) Close() {
	if r.now != nil {
		_ = r.finish(errBrokenOff)
	}
	r.drop()
}

func (r *Receiving) drop() {
	if r.target != nil {
		r.target.Close()
		r.target = nil
	}
}
