package launcher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/pack"
	"github.com/converged-computing/oras-operator/agent/internal/contract"
	"github.com/converged-computing/oras-operator/agent/internal/inputs"
	"github.com/converged-computing/oras-operator/agent/internal/protocol"
)

// Between two attempts to connect. The container oras may be started long after this one, or restarted.
const (
	firstPause   = 10 * time.Millisecond
	longestPause = 500 * time.Millisecond
)

// greetingTime is how long the other side may take to answer a greeting. It answers at once, or is stopped.
const greetingTime = 30 * time.Second

// link is a connection to the container oras.
type link struct {
	conn   net.Conn
	writer *protocol.Writer
	broken atomic.Bool
}

// linked and heard are what the goroutines of connections tell the loop.
type linked struct{ link *link }
type heard struct {
	link *link
	told Event
}

func (linked) event() {}
func (heard) event()  {}

// connect tries until it succeeds, or somebody has listened and nobody does any more.
func (r *runner) connect(needsInputs bool) {
	began := time.Now()
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		link, reader, err := r.greet(needsInputs)
		var gone *Gone
		if errors.Is(err, syscall.ECONNREFUSED) {
			gone = r.goneFor(time.Since(began))
		}
		switch {
		case err == nil:
			r.Log.Explain("connected to the container oras as attempt %s", r.attempt)
			r.tell(linked{link})
			r.listen(link, reader)
			return
		case r.isTaken():
			// It was told, but did not hear it.
			r.tell(Released{})
			return
		case gone != nil:
			r.tell(*gone)
			return
		}
		var failed protocol.Failure
		if errors.As(err, &failed) {
			r.tell(Failed{Code: failed.Code, Message: failed.Message, ByOras: true})
			return
		}
		select {
		case <-time.After(pause):
		case <-r.ctx.Done():
			return
		}
	}
}

// restartTime is how long the kubelet may take to restart a container: it pauses for at most 5 minutes after it has
// crashed often (kubernetes.io, "Pod Lifecycle"), and may have to pull its image.
const restartTime = 10 * time.Minute

// killed is the exit code of a container that had no time to say how it ends: 128 + SIGKILL.
const killed = 137

// goneFor says how the container oras, which listened once and does not any more, has ended for good; nil if it may
// listen again.
func (r *runner) goneFor(since time.Duration) *Gone {
	end := r.OrasEnded()
	comesBack := r.Settings.OrasComesBack
	switch {
	case comesBack && end == nil && (r.OrasRestartsAfter(killed) || since <= restartTime):
		return nil
	case comesBack && end != nil && !end.Final && r.OrasRestartsAfter(end.Code):
		return nil
	case end != nil && slices.Contains(contract.EndsForGood, end.Code):
		return &Gone{Code: end.Code, Message: end.Message}
	}
	return &Gone{}
}

// goneBefore is set where the container oras had ended for good before this attempt began, which could only run in vain:
// the kubelet starts a container again whatever it ended with, for instance when a liveness probe fails.
func (r *runner) goneBefore() *Gone {
	if !r.Settings.Tells || r.OrasEnded() == nil {
		return nil
	}
	return r.goneFor(0)
}

// isTaken says whether the container oras knows the end of this attempt already.
func (r *runner) isTaken() bool {
	attempt, err := os.ReadFile(r.Taken)
	return err == nil && string(attempt) == r.attempt
}

// greet makes a connection and says which attempt this is.
func (r *runner) greet(needsInputs bool) (*link, *protocol.Reader, error) {
	conn, err := (&net.Dialer{}).DialContext(r.ctx, "unix", r.Socket)
	if err != nil {
		return nil, nil, err
	}
	l := &link{conn: conn}
	l.writer = protocol.NewWriter(marking{l})
	reader := protocol.NewReader(conn)
	stop := context.AfterFunc(r.ctx, l.close)
	if err := l.introduce(reader, protocol.Greeting{Protocol: protocol.Version, Attempt: r.attempt, NeedsInputs: needsInputs}); err != nil {
		stop()
		_ = conn.Close()
		return nil, nil, err
	}
	return l, reader, nil
}

func (l *link) introduce(reader *protocol.Reader, greeting protocol.Greeting) error {
	if err := l.conn.SetDeadline(time.Now().Add(greetingTime)); err != nil {
		return err
	}
	if err := l.writer.Message(protocol.Hello, greeting); err != nil {
		return err
	}
	kind, payload, err := reader.Frame()
	switch {
	case err != nil:
		return err
	case kind == protocol.Failed:
		failed, err := protocol.Decode[protocol.Failure](kind, payload)
		return errors.Join(err, failed)
	case kind != protocol.Welcome:
		return fmt.Errorf("the container oras answered with a message of type %d", kind)
	}
	return l.conn.SetDeadline(time.Time{})
}

// listen tells the loop what the container oras says, until the connection ends.
func (r *runner) listen(l *link, reader *protocol.Reader) {
	receiving := r.Inputs.Receive()
	for {
		kind, payload, err := reader.Frame()
		if err == nil {
			var told Event
			if told, err = r.understand(receiving, kind, payload); told != nil {
				r.tell(heard{l, told})
			}
		}
		if err != nil {
			// Before another connection brings the inputs again.
			receiving.Close()
			r.tell(heard{l, Lost{}})
			return
		}
	}
}

// understand is what a message means, nil where there is nothing to tell.
func (r *runner) understand(receiving *inputs.Receiving, kind protocol.Type, payload []byte) (Event, error) {
	var failed error
	switch kind {
	case protocol.Input:
		content, err := protocol.Decode[protocol.Content](kind, payload)
		if err != nil {
			return nil, err
		}
		failed = receiving.Begin(r.ctx, content)
	case protocol.Data:
		failed = receiving.Data(payload)
	case protocol.End:
		failed = receiving.End()
	case protocol.Run:
		isWhole, err := receiving.Commit(r.ctx)
		if isWhole {
			return Allowed{}, nil
		}
		failed = err
	case protocol.Taken:
		return Released{}, nil
	case protocol.Failed:
		said, err := protocol.Decode[protocol.Failure](kind, payload)
		if err != nil {
			return nil, err
		}
		receiving.Close()
		return Failed{Code: said.Code, Message: said.Message, ByOras: true}, nil
	}
	if failed != nil {
		return r.asFailed(failed), nil
	}
	return nil, nil
}

func (l *link) close() { _ = l.conn.Close() }

// What is said may not arrive: the goroutine that listens learns of the end of a connection.

func (l *link) started() { _ = l.writer.Message(protocol.Started, nil) }

func (l *link) tellFailed(code int) {
	_ = l.writer.Message(protocol.Failed, protocol.Failure{Code: code})
}

func (l *link) ended(code int) error {
	return l.writer.Message(protocol.Ended, protocol.Verdict{Code: code})
}

// log sends the end of what the program has printed.
func (l *link) log(text []byte) error {
	content, err := l.writer.Content(protocol.Log, protocol.Content{Title: "log"})
	if err != nil {
		return err
	}
	if _, err := content.Write(text); err != nil {
		return err
	}
	return content.Close()
}

func (l *link) nothing(problem string) {
	_ = l.writer.Message(protocol.Nothing, protocol.Reason{Message: problem})
}

// send sends an output. When it cannot be packed, the other side is told to drop what it has.
func (l *link) send(output *pack.Output, write func(io.Writer) error) error {
	content, err := l.writer.Content(protocol.Output, protocol.Content{
		Title: output.Title, Directory: output.Directory, Mode: uint32(output.Mode.Perm()),
	})
	if err != nil {
		return err
	}
	if err := write(content); err != nil {
		_ = l.writer.Message(protocol.Failed, protocol.Failure{Message: err.Error()})
		return err
	}
	return content.Close()
}

// isLost tells an error of the connection from one of packing.
func (l *link) isLost() bool { return l.broken.Load() }

// marking writes to a connection and remembers that it could not.
type marking struct{ link *link }

func (m marking) Write(data []byte) (int, error) {
	n, err := m.link.conn.Write(data)
	if err != nil {
		m.link.broken.Store(true)
	}
	return n, err
}
