package launcher

import (
	"context"
	"crypto/rand"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/pack"
	"github.com/converged-computing/oras-operator/agent/internal/failure"
	"github.com/converged-computing/oras-operator/agent/internal/inputs"
	"github.com/converged-computing/oras-operator/agent/internal/program"
	"github.com/converged-computing/oras-operator/agent/internal/share"
)

// Options are what a launcher is started with.
type Options struct {
	Settings Settings
	// Socket is where the container oras listens.
	Socket string
	// Taken is the file that names the attempt whose end the container oras knows.
	Taken string
	// OrasEnded says whether the container oras has ended by itself, and how.
	OrasEnded func() *share.End
	// OrasRestartsAfter says whether the kubelet starts it again after it has ended by itself, as often as it does.
	OrasRestartsAfter func(code int) bool
	// Unpack brings the inputs before the program; nil where there are none on the share.
	Unpack func(context.Context) error
	// Inputs says where inputs are unpacked that come from the container oras.
	Inputs inputs.Into
	// Output is packed after it; nil where there is none.
	Output *pack.Options
	// Pipe is the file that gets a copy of the program's standard output; may be empty.
	Pipe string
	// KeepsLog says that the end of what a program prints is handed over when it fails.
	KeepsLog bool
	// Argv is the program.
	Argv []string
	// OwnVariables are names of environment variables that the program does not get.
	OwnVariables []string
	// CheckFailed is the exit code where a path of the step cannot work.
	CheckFailed int
	Log         failure.Log
}

// runner carries out what a Machine decides. Its loop is the only one that touches the machine.
type runner struct {
	Options
	signals *program.Signals
	attempt string
	events  chan Event
	// link is the connection, nil while there is none.
	link *link
	// log is the end of what the program has printed; nil where it is not kept.
	log *program.Tail
	// running is the program, nil while there is none.
	running *program.Running
	// waiting says in the log what is waited for.
	waiting *time.Timer
	work    sync.WaitGroup
	// ctx ends what is under way when the process ends.
	ctx context.Context
}

// Run does what a wrapped container does, and returns how it ends.
func Run(ctx context.Context, options Options, signals *program.Signals) Exit {
	ctx, cancel := context.WithCancel(ctx)
	r := &runner{Options: options, signals: signals, attempt: rand.Text(), events: make(chan Event), ctx: ctx}
	defer func() {
		cancel()
		r.stopWaiting()
		if r.running != nil {
			// The container oras has ended the step. So would the end of process 1 end it in a container.
			r.running.Signal(syscall.SIGKILL)
		}
		if r.link != nil {
			r.link.close()
		}
		r.work.Wait()
	}()
	r.work.Go(r.listenForSignals)
	machine, actions := NewMachine(options.Settings)
	if gone := r.goneBefore(); gone != nil {
		actions = machine.Handle(*gone)
	}
	for {
		for _, action := range actions {
			if exit, isExit := action.(Exit); isExit {
				return exit
			}
			r.do(action)
		}
		actions = machine.Handle(r.next())
	}
}

// next waits for an event. What belongs to a connection that is no longer the newest is dropped.
func (r *runner) next() Event {
	for {
		switch event := (<-r.events).(type) {
		case linked:
			if r.link != nil {
				r.link.close()
			}
			r.link = event.link
			r.stopWaiting()
			if r.running != nil {
				r.link.started()
			}
			return Connected{}
		case heard:
			if event.link != r.link {
				continue
			}
			if _, isLost := event.told.(Lost); isLost {
				r.link.close()
				r.link = nil
			}
			return event.told
		case Ended:
			r.running = nil
			return event
		default:
			return event
		}
	}
}

// tell hands an event to the loop, unless that has ended.
func (r *runner) tell(event Event) {
	select {
	case r.events <- event:
	case <-r.ctx.Done():
	}
}

func (r *runner) do(action Action) {
	switch a := action.(type) {
	case Connect:
		r.work.Go(func() { r.connect(a.NeedsInputs) })
	case Prepare:
		r.work.Go(r.prepare)
	case StartProgram:
		r.stopWaiting()
		r.run()
	case TellFailed:
		link := r.link
		r.work.Go(func() { link.tellFailed(a.Code) })
	case HandOver:
		link := r.link
		r.work.Go(func() { r.handOver(link, a) })
	case Say:
		r.Log.Say("%s", a.Text)
	case SayLater:
		r.stopWaiting()
		r.waiting = time.AfterFunc(Patience, func() { r.Log.Say("%s", a.Text) })
	}
}

// Patience is how long something is waited for without a word in the log.
const Patience = 2 * time.Second

func (r *runner) stopWaiting() {
	if r.waiting != nil {
		r.waiting.Stop()
	}
}

func (r *runner) listenForSignals() {
	for {
		select {
		case signal := <-r.signals.Idle():
			r.tell(Stopped{int(signal)})
		case <-r.ctx.Done():
			return
		}
	}
}

// prepare unpacks the inputs, and finds out before the program runs what could not work after it.
func (r *runner) prepare() {
	err := func() error {
		if r.Unpack != nil {
			if err := r.Unpack(r.ctx); err != nil {
				return err
			}
		}
		return r.check()
	}()
	if err != nil {
		r.tell(r.asFailed(err))
		return
	}
	r.tell(Prepared{})
}

func (r *runner) asFailed(err error) Failed {
	if found := failure.As(err); found != nil {
		return Failed{Code: found.Code, Message: found.Message}
	}
	return Failed{Code: r.CheckFailed, Message: err.Error()}
}

// check says what of the step's paths cannot work.
func (r *runner) check() error {
	if r.Pipe != "" {
		if err := checkPipe(r.Pipe, r.CheckFailed); err != nil {
			return err
		}
	}
	if r.Output != nil {
		return checkOutput(*r.Output)
	}
	return nil
}

func (r *runner) run() {
	started := program.Program{Argv: r.Argv, Env: program.Environ(r.OwnVariables...)}
	copied, err := r.startCopies()
	if err != nil {
		r.work.Go(func() { r.tell(r.asFailed(err)) })
		return
	}
	if copied.stdout != nil {
		started.Stdout = copied.stdout.Stdout()
	}
	if copied.stderr != nil {
		started.Stderr = copied.stderr.Stdout()
	}
	r.Log.Explain("starting %s with %d arguments", r.Argv[0], len(r.Argv)-1)
	running, signal, err := r.signals.ForwardTo(func() (*program.Running, error) { return program.Start(started) })
	switch {
	case signal != 0:
		r.work.Go(func() { r.tell(Stopped{int(signal)}) })
	case err != nil:
		r.work.Go(func() { r.tell(r.asFailed(err)) })
	default:
		r.running = running
		if r.link != nil {
			r.link.started()
		}
		r.work.Go(func() { r.tell(r.wait(running, copied)) })
	}
}

// copies are what takes the program's output on its way to the log; nil where nothing does.
type copies struct{ stdout, stderr *program.Copy }

// mostLog is how much of a log is kept, in bytes.
const mostLog = 1 << 20

// startCopies makes what copies standard output to the output-pipe file, and the end of both to what is kept of the log. In
// a container without a terminal both are pipes anyway, so that the program sees no difference.
func (r *runner) startCopies() (all copies, err error) {
	var file io.Writer
	if r.Pipe != "" {
		// Each attempt begins with an empty file.
		file, err = os.OpenFile(r.Pipe, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
		if err != nil {
			return all, failure.Wrap(err, r.CheckFailed, "the output pipe %s cannot be written: %s", r.Pipe, err)
		}
	}
	out := io.Writer(os.Stdout)
	if r.KeepsLog && !program.IsTerminal(os.Stdout) {
		r.log = program.NewTail(mostLog)
		// What comes of the log does not depend on the file.
		if out = io.MultiWriter(r.log, out); file == nil {
			file = io.Discard
		}
		if all.stderr, err = program.StartCopy(os.Stderr, r.log); err != nil {
			return all, err
		}
	}
	if file != nil {
		all.stdout, err = program.StartCopy(out, file)
	}
	return all, err
}

func (r *runner) wait(running *program.Running, copied copies) Event {
	code, err := running.Wait()
	r.signals.Ended()
	if err != nil {
		return Failed{Code: r.CheckFailed, Message: "the program was lost: " + err.Error()}
	}
	r.Log.Explain("the program has ended with exit code %d", code)
	ended := Ended{Code: code}
	if copied.stderr != nil {
		// What is kept of the log may end earlier; nothing depends on it.
		_ = copied.stderr.Finish()
	}
	if copied.stdout != nil {
		if err := copied.stdout.Finish(); err != nil && r.Pipe != "" {
			ended.Problem = "the copy of standard output in " + r.Pipe + " is not whole: " + err.Error()
		}
	}
	return ended
}

// handOver says how the program ended, and sends its output.
func (r *runner) handOver(to *link, a HandOver) {
	if err := to.ended(a.Code); err != nil {
		// The reader of the connection tells that it is lost.
		return
	}
	if a.Code != 0 && r.log != nil && to.log(r.log.Bytes()) != nil {
		return
	}
	if !a.Output || r.Output == nil {
		to.nothing(a.Problem)
		return
	}
	output, err := pack.Describe(*r.Output)
	if err == nil {
		r.Log.Explain("handing over %s as %q", r.Output.Path, output.Title)
		err = to.send(output, func(w io.Writer) error { return output.Write(r.ctx, w) })
	}
	if err == nil || to.isLost() {
		return
	}
	r.tell(NotSent{err.Error()})
}
