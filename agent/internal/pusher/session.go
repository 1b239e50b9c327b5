package pusher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/protocol"
	"golang.org/x/sys/unix"
)

// greetingTime is how long a launcher may take to greet. It does so at once.
const greetingTime = 30 * time.Second

// session is a connection of a launcher: one attempt of its program.
type session struct {
	launcher int
	attempt  string
	// needsInputs says that its program does not start without them.
	needsInputs bool
	// ctx ends with the connection, or when nothing more has to be sent.
	ctx    context.Context
	cancel context.CancelFunc
	conn   *net.UnixConn
	writer *protocol.Writer
	reader *protocol.Reader
	// answered has what the attempt was told at first: that it goes on, or that it may end.
	answered chan bool
	// done is closed when nothing more comes of it.
	done chan struct{}
}

// fail tells the launcher of a failure. Whether it hears it is learned from whoever reads from the connection.
func (s *session) fail(why Failure) {
	_ = s.writer.Message(protocol.Failed, protocol.Failure{Code: why.Code, Message: why.Message})
}

// answer is the loop's word on an attempt. The first one counts: an attempt that goes on is heard to its end.
func (s *session) answer(goesOn bool) {
	select {
	case s.answered <- goesOn:
	default:
	}
}

// acceptPause is how long no connection is taken after one could not be.
const acceptPause = 100 * time.Millisecond

// accept takes one connection at a time: a second one is not the launcher's.
func (r *runner) accept(number int, listener *net.UnixListener) {
	var current *session
	fails := false
	for {
		conn, err := listener.AcceptUnix()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			// Something is used up, file descriptors or memory (accept(2)), and may be there again.
			if !fails {
				r.Log.Say("a connection of wrapped container %d cannot be accepted, trying again: %s", number+1, err)
			}
			fails = true
			select {
			case <-time.After(acceptPause):
			case <-r.ctx.Done():
				return
			}
			continue
		}
		fails = false
		if current != nil && !current.isOver() {
			_ = conn.Close()
			continue
		}
		s := &session{
			launcher: number, conn: conn, writer: protocol.NewWriter(conn), reader: protocol.NewReader(conn),
			answered: make(chan bool, 1), done: make(chan struct{}),
		}
		s.ctx, s.cancel = context.WithCancel(r.ctx)
		if current != nil {
			// It was killed; the kernel has said so, and whoever reads from it is about to hear it.
			<-current.done
		}
		current = s
		r.work.Go(func() { r.serve(s) })
	}
}

// isOver says whether the other side of a connection is gone.
func (s *session) isOver() bool {
	select {
	case <-s.done:
		return true
	default:
	}
	raw, err := s.conn.SyscallConn()
	if err != nil {
		return true
	}
	hungUp := false
	err = raw.Control(func(fd uintptr) {
		polled := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		_, _ = unix.Poll(polled, 0)
		hungUp = polled[0].Revents&(unix.POLLHUP|unix.POLLRDHUP) != 0
	})
	return err != nil || hungUp
}

// serve follows an attempt to its end.
func (r *runner) serve(s *session) {
	defer close(s.done)
	defer s.cancel()
	stop := context.AfterFunc(r.ctx, func() { _ = s.conn.Close() })
	defer func() {
		stop()
		_ = s.conn.Close()
	}()
	if err := s.greet(); err == io.EOF {
		// It only wanted to know whether somebody listens.
		return
	} else if err != nil {
		r.Log.Say("a connection of wrapped container %d was refused: %s", s.launcher+1, err)
		r.refuseOther(s, err)
		return
	}
	r.tell(began{s})
	var err error
	select {
	case goesOn := <-s.answered:
		if goesOn {
			err = r.follow(s)
		} else {
			// What it says is known, or not wanted, and must not replace what is kept of it.
			_, err = io.Copy(io.Discard, s.conn)
		}
	case <-r.ctx.Done():
		return
	}
	if err != nil && !errors.Is(err, net.ErrClosed) && r.ctx.Err() == nil {
		r.Log.Say("the connection of wrapped container %d ended: %s", s.launcher+1, err)
	}
	r.forgetDone()
	r.tell(Disconnected{s.launcher, s.attempt})
}

func (s *session) greet() error {
	if err := s.conn.SetDeadline(time.Now().Add(greetingTime)); err != nil {
		return err
	}
	kind, payload, err := s.reader.Frame()
	if err != nil {
		return err
	}
	if kind != protocol.Hello {
		return fmt.Errorf("it begins with a message of type %d", kind)
	}
	hello, err := protocol.Decode[protocol.Greeting](kind, payload)
	if err != nil {
		return err
	}
	if hello.Protocol != protocol.Version {
		return otherProtocolError(hello.Protocol)
	}
	if hello.Attempt == "" {
		return errors.New("its greeting names no attempt")
	}
	s.attempt, s.needsInputs = hello.Attempt, hello.NeedsInputs
	if err := s.writer.Message(protocol.Welcome, protocol.Greeting{Protocol: protocol.Version}); err != nil {
		return err
	}
	return s.conn.SetDeadline(time.Time{})
}

// otherProtocolError is the version that a launcher speaks.
type otherProtocolError int

func (e otherProtocolError) Error() string {
	return fmt.Sprintf("the wrapped container speaks version %d of the agent's protocol, the container oras version %d: their images are of different releases of the operator; create the Pod again", int(e), protocol.Version)
}

// refuseOther ends the step where a launcher speaks another protocol, with a sentence for both sides: it would come again
// and again, and this container would wait for ever.
func (r *runner) refuseOther(s *session, err error) {
	var other otherProtocolError
	if !errors.As(err, &other) {
		return
	}
	_ = s.writer.Message(protocol.Failed, protocol.Failure{Code: r.SetupFailed, Message: other.Error()})
	r.tell(CannotRun{Failure{r.SetupFailed, other.Error()}})
	r.tell(Informed{s.launcher})
}

// follow tells the loop what an attempt says, until its connection ends.
func (r *runner) follow(s *session) error {
	code, hasLog := 0, false
	for {
		kind, payload, err := s.reader.Frame()
		if err != nil {
			return endOf(err)
		}
		switch kind {
		case protocol.Started:
			r.Log.Say("the program of wrapped container %d runs", s.launcher+1)
			r.tell(Started{s.launcher})
		case protocol.Ended:
			verdict, err := protocol.Decode[protocol.Verdict](kind, payload)
			if err != nil {
				return err
			}
			code = verdict.Code
		case protocol.Failed:
			failed, err := protocol.Decode[protocol.Failure](kind, payload)
			if err != nil {
				return err
			}
			s.cancel()
			r.tell(FailedBefore{s.launcher, failed.Code})
		case protocol.Nothing:
			reason, err := protocol.Decode[protocol.Reason](kind, payload)
			if err != nil {
				return err
			}
			found := stored{Result: Result{Attempt: s.attempt, Code: code, Problem: reason.Message}}
			if r.Scripts != nil && code == 0 && r.Settings.HasOutput {
				found = r.collect(s)
			}
			found.Result.HasLog = hasLog
			r.tell(received{s, found})
		case protocol.Log:
			if hasLog, err = r.takeLog(s); err != nil {
				return err
			}
		case protocol.Output:
			content, err := protocol.Decode[protocol.Content](kind, payload)
			if err != nil {
				return err
			}
			found, err := r.take(s, content, code)
			if err != nil {
				return err
			}
			if found != nil {
				found.Result.Code, found.Result.HasLog = code, hasLog
				r.tell(received{s, *found})
			}
		default:
			return fmt.Errorf("a message of type %d is not expected", kind)
		}
	}
}

// take receives an output. It is nil when the launcher could not pack it, and says so next.
func (r *runner) take(s *session, content protocol.Content, code int) (*stored, error) {
	if !isName(content.Title) {
		return nil, fmt.Errorf("its output has the name %q", content.Title)
	}
	from := s.reader.Content()
	found, err := r.receive(s, content, from, r.Settings.PushOn.Wanted(code))
	var failed protocol.Failure
	switch {
	case errors.As(err, &failed):
		return nil, nil
	case err != nil && from.Err() == nil && r.ctx.Err() == nil:
		// Not the connection: the volume is full, for instance.
		return r.refuse(s, fmt.Errorf("the container oras could not keep it: %w", err)), nil
	case err != nil:
		return nil, err
	}
	result := found.Part.Result
	r.Log.Explain("wrapped container %d handed over %s: %d bytes, of which %d are kept as %s", s.launcher+1, content.Title, result.Content.Size, result.Blob.Size, result.Blob.Digest)
	return found, nil
}

// mostLog is how much of a log is kept, in bytes.
const mostLog = 1 << 20

// takeLog keeps the end of a log. Where it cannot be kept, the step goes on without.
func (r *runner) takeLog(s *session) (bool, error) {
	from := s.reader.Content()
	text, err := io.ReadAll(io.LimitReader(from, mostLog))
	if err == nil {
		_, err = io.Copy(io.Discard, from)
	}
	if err != nil {
		return false, err
	}
	if err := os.WriteFile(folder(r.Share.Kept(s.launcher)).log(), text, 0o600); err != nil {
		r.Log.Say("the log of wrapped container %d cannot be kept: %s", s.launcher+1, err)
		return false, nil
	}
	return r.Settings.KeepsFailure, nil
}

// receive packs the output of an attempt, and sends it ahead where it is wanted for more than a failure.
func (r *runner) receive(s *session, content protocol.Content, from io.Reader, wanted bool) (*stored, error) {
	var sent *ahead
	send := func(blob io.ReadCloser) {
		if !wanted {
			_ = blob.Close()
			return
		}
		sent = r.sendAhead(blob)
	}
	part, err := folder(r.Share.Kept(s.launcher)).receive(r.ctx, content, r.Method, from, send)
	if err != nil {
		r.giveUp(sent)
		return nil, err
	}
	return &stored{Result{Attempt: s.attempt, HasPart: true}, part, sent}, nil
}

// refuse tells a launcher why its output is not taken, which ends with the exit code of a success without its output.
func (r *runner) refuse(s *session, why error) *stored {
	_ = s.writer.Message(protocol.Failed, protocol.Failure{Message: why.Error()})
	// Room for the result.
	_ = os.Remove(folder(r.Share.Kept(s.launcher)).blob())
	return &stored{Result: Result{Attempt: s.attempt, Problem: why.Error()}}
}

// isName says whether a title is the name of one file or directory, or "." for the contents of one.
func isName(title string) bool {
	return title != "" && title != ".." && !strings.ContainsAny(title, "/\x00")
}

// endOf is nil where a connection ended as it should: between two messages.
func endOf(err error) error {
	if errors.Is(err, net.ErrClosed) || err.Error() == "EOF" {
		return nil
	}
	return err
}
