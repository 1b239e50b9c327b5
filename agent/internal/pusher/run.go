package pusher

import (
	"context"
	"encoding/json"
	"os/signal"
	"path"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/compress"
	"github.com/converged-computing/oras-operator/agent/internal/artifact/manifest"
	"github.com/converged-computing/oras-operator/agent/internal/failure"
	"github.com/converged-computing/oras-operator/agent/internal/inputs"
	"github.com/converged-computing/oras-operator/agent/internal/protocol"
	"github.com/converged-computing/oras-operator/agent/internal/reference"
	"github.com/converged-computing/oras-operator/agent/internal/registry"
	"github.com/converged-computing/oras-operator/agent/internal/share"
)

// Options are what the container oras is started with.
type Options struct {
	Settings Settings
	Share    share.Root
	// Output is where the artifact goes.
	Output reference.Reference
	// FailureOutput is where goes what a failed step has left.
	FailureOutput reference.Reference
	// Method is how directories are packed.
	Method compress.Method
	// Architecture is that of the images that are pushed, or empty: see manifest.Artifact.
	Architecture string
	// Images of the wrapped containers stand on the artifact, as do the digests of what they read.
	Images []string
	// Scripts is set beside an application script of the author's.
	Scripts *Scripts
	// Supply is set where no init container has pulled.
	Supply   *Supply
	Registry registry.Options
	// Failure is why the step cannot work, known before anything is done; nil where it may.
	Failure *Failure
	// PushFailed and SetupFailed are exit codes of the documented table.
	PushFailed, SetupFailed int
	Log                     failure.Log
}

// runner carries out what a Machine decides. Its loop is the only one that touches the machine.
type runner struct {
	Options
	events   chan Event
	sessions []*session
	// kept is what is known of each launcher's newest result, as it lies on disk.
	kept []*stored
	// stopPush ends the push that is under way.
	stopPush context.CancelFunc
	pushes   int
	// prepared waits until the supply is prepared.
	prepared func() error
	ctx      context.Context
	work     sync.WaitGroup
}

// What the goroutines tell the loop besides events of the machine.
type (
	// began: an attempt has greeted.
	began struct{ session *session }
	// received: an attempt has told its end, and its output is here.
	received struct {
		session *session
		stored  stored
	}
	// pushEnded: a push has ended, by its number.
	pushEnded struct {
		number  int
		outcome Event
	}
)

func (began) event()     {}
func (received) event()  {}
func (pushEnded) event() {}

// Run does what the container oras does, and returns how it ends.
func (l *Listening) Run(ctx context.Context, options Options) (Exit, error) {
	defer signal.Stop(l.signals)
	if end := options.Share.Conclusion(); end != nil {
		options.Log.Say("the step has ended before this start of the container oras; nobody is waited for")
		l.close()
		return Exit{end.Code, end.Message}, nil
	}
	count := len(l.listeners)
	ctx, cancel := context.WithCancel(ctx)
	r := &runner{
		Options: options, events: make(chan Event), ctx: ctx,
		sessions: make([]*session, count), kept: make([]*stored, count),
	}
	defer r.work.Wait()
	defer cancel()
	defer func() {
		for launcher := range r.kept {
			r.keep(launcher, nil)
		}
	}()
	kept, err := r.readKept()
	if err != nil {
		return Exit{}, err
	}
	r.prepare()
	r.prepareSupply()
	r.expect(kept)
	machine, actions := NewMachine(options.Settings, kept)
	if options.Failure != nil {
		actions = append(actions, machine.Handle(CannotRun{*options.Failure})...)
	}
	r.acceptAll(l)
	var late <-chan time.Time
	for {
		for _, action := range actions {
			if exit, isExit := action.(Exit); isExit {
				return exit, nil
			}
			if err := r.do(action); err != nil {
				r.tellBroken(err)
				return Exit{}, err
			}
		}
		select {
		case event := <-r.events:
			actions = r.handle(machine, event)
		case <-l.signals:
			r.Log.Say("SIGTERM; what the programs still hand over is pushed")
			actions, late = nil, time.After(r.lateness())
		case <-late:
			actions = machine.Handle(Terminated{})
		}
	}
}

// keep remembers the newest result of a launcher, in place of an older one.
func (r *runner) keep(launcher int, found *stored) {
	if before := r.kept[launcher]; before != nil {
		r.giveUp(before.ahead)
	}
	r.kept[launcher] = found
}

// greets is how long a launcher may take to greet when this container listens: it tries at least every half second.
const greets = 2 * time.Second

// lateness is how long a launcher may still be on its way: its program may run since long before this container.
func (r *runner) lateness() time.Duration {
	if slices.Contains(r.sessions, nil) {
		return greets
	}
	return 0
}

func (r *runner) readKept() ([]Kept, error) {
	all := make([]Kept, len(r.kept))
	for number := range r.kept {
		found, err := folder(r.Share.Kept(number)).open()
		if err != nil {
			return nil, failure.Wrap(err, r.SetupFailed, "what was kept of wrapped container %d cannot be read: %s", number+1, err)
		}
		all[number].UnderWay = folder(r.Share.Kept(number)).wasServed()
		if r.kept[number] = found; found != nil {
			all[number].Result = &found.Result
		}
	}
	return all, nil
}

// handle hands an event to the machine, with what belongs to it kept here.
func (r *runner) handle(machine *Machine, event Event) []Action {
	switch e := event.(type) {
	case began:
		r.sessions[e.session.launcher] = e.session
		return machine.Handle(Connected{e.session.launcher, e.session.attempt, e.session.needsInputs})
	case received:
		r.keep(e.session.launcher, &e.stored)
		return machine.Handle(Resulted{e.session.launcher, e.stored.Result})
	case pushEnded:
		if e.number != r.pushes {
			// It was stopped.
			return nil
		}
		return machine.Handle(e.outcome)
	default:
		return machine.Handle(event)
	}
}

// tell hands an event to the loop, unless that has ended.
func (r *runner) tell(event Event) {
	select {
	case r.events <- event:
	case <-r.ctx.Done():
	}
}

func (r *runner) do(action Action) error {
	switch a := action.(type) {
	case Refuse:
		s := r.sessions[a.Launcher]
		_ = s.conn.Close()
		s.answer(false)
	case Serve:
		s := r.sessions[a.Launcher]
		s.answer(true)
		prepared := r.prepared
		r.work.Go(func() { r.supply(s, prepared) })
		if r.Supply != nil {
			if err := folder(r.Share.Kept(a.Launcher)).markServed(); err != nil {
				return failure.Wrap(err, r.SetupFailed, "the volume of the step cannot be written: %s", err)
			}
		}
	case Inform:
		s := r.sessions[a.Launcher]
		s.answer(false)
		r.work.Go(func() {
			// It may be in the middle of an input.
			s.fail(a.Failure)
			r.tell(Informed{a.Launcher})
		})
	case Fail:
		s := r.sessions[a.Launcher]
		// The next attempt asks anew.
		r.prepareSupply()
		r.work.Go(func() { s.fail(a.Failure) })
	case Keep:
		if err := folder(r.Share.Kept(a.Launcher)).write(*r.kept[a.Launcher]); err != nil {
			return failure.Wrap(err, r.PushFailed, "what wrapped container %d handed over cannot be kept: %s", a.Launcher+1, err)
		}
		r.markTaken(a.Launcher)
	case Release:
		s := r.sessions[a.Launcher]
		_ = s.writer.Message(protocol.Taken, nil)
		s.answer(false)
	case Forget:
		r.keep(a.Launcher, nil)
		if err := folder(r.Share.Kept(a.Launcher)).forget(); err != nil {
			return failure.Wrap(err, r.SetupFailed, "an older output on the volume of the step cannot be removed: %s", err)
		}
	case Await:
		if err := folder(r.Share.Kept(a.Launcher)).unmarkServed(); err != nil {
			return failure.Wrap(err, r.SetupFailed, "the volume of the step cannot be written: %s", err)
		}
	case Push:
		r.push(a)
	case Report:
		r.report(a)
	case Conclude:
		if err := r.Share.Conclude(share.End{Code: a.Exit.Code, Message: a.Exit.Message, Final: true}); err != nil {
			r.Log.Say("%s cannot be written: %s", r.Share.Concluded(), err)
		}
	case StopPush:
		r.pushes++
		r.stopPush()
	case Say:
		r.Log.Say("%s", a.Text)
	}
	return nil
}

// tellBroken tells the launchers that are connected why this container ends. It is not waited for.
func (r *runner) tellBroken(err error) {
	found := r.asFailure(err)
	for _, s := range r.sessions {
		if s != nil && s.conn.SetWriteDeadline(time.Now().Add(time.Second)) == nil {
			s.fail(found)
		}
	}
}

// markTaken tells a launcher that does not hear its Release: this container may be killed before it says so, and the next
// life of it may be over before the launcher connects again.
func (r *runner) markTaken(launcher int) {
	path := r.Share.Part(launcher).Taken()
	if err := share.WriteWhole(path, []byte(r.kept[launcher].Result.Attempt), 0o644); err != nil {
		r.Log.Say("%s cannot be written: %s", path, err)
	}
}

func (r *runner) push(what Push) {
	ctx, cancel := context.WithCancel(r.ctx)
	r.pushes++
	r.stopPush = cancel
	number := r.pushes
	parts, blobs := r.partsOf(what.Launchers)
	sent := make([]*ahead, len(what.Launchers))
	for i, launcher := range what.Launchers {
		sent[i] = r.kept[launcher].ahead
	}
	r.work.Go(func() {
		defer cancel()
		r.tell(pushEnded{number, r.pushed(ctx, parts, blobs, sent, what.Left)})
	})
}

// partsOf are the outputs that launchers have left, and their blobs.
func (r *runner) partsOf(launchers []int) ([]manifest.Part, []registry.Blob) {
	parts := make([]manifest.Part, len(launchers))
	blobs := make([]registry.Blob, len(launchers))
	for i, launcher := range launchers {
		parts[i] = *r.kept[launcher].Part
		parts[i].Container = launcher + 1
		blob := parts[i].Result.Blob
		blobs[i] = registry.Blob{Digest: blob.Digest, Size: blob.Size, Content: registry.File(folder(r.Share.Kept(launcher)).blob())}
	}
	return parts, blobs
}

// pushed pushes, and tells how it went.
func (r *runner) pushed(ctx context.Context, parts []manifest.Part, blobs []registry.Blob, sent []*ahead, left *Left) Event {
	begun := time.Now()
	digests, err := inputs.ReadDigests(r.Share.Pulled())
	if err != nil {
		return PushFailed{Failure{r.PushFailed, "the digests of the inputs cannot be read: " + err.Error()}}
	}
	artifact := manifest.Artifact{
		Repository: path.Base(r.Output.Repository), Parts: parts, Images: r.Images, Inputs: digests,
		Architecture: r.Architecture, Reference: r.Output.Name(), Code: r.PushFailed,
	}
	encoded, err := manifest.Encode(artifact)
	if err != nil {
		return PushFailed{r.asFailure(err)}
	}
	repository, err := registry.Open(r.Output, r.Registry)
	if err != nil {
		return PushFailed{r.asFailure(err)}
	}
	defer repository.Close()
	bytes := int64(0)
	for i, blob := range blobs {
		bytes += blob.Size
		r.Log.Say("pushing %s, %d bytes, to %s", parts[i].Title, blob.Size, r.Output.Name())
	}
	for i, ahead := range sent {
		r.finish(ctx, ahead, blobs[i])
	}
	config := artifact.Config()
	blobs = append(blobs, registry.Blob{Digest: manifest.DigestOf(config), Size: int64(len(config)), Content: registry.Bytes(config)})
	pushed, err := repository.PushArtifact(ctx, blobs, manifest.TypeManifest, encoded)
	if err != nil {
		return PushFailed{r.asFailure(err)}
	}
	took := time.Since(begun)
	r.Log.Say("pushed %s@%s in %s", r.Output.Name(), pushed.Digest, failure.Took(took))
	return Pushed{r.messageOf(pushed, bytes, took, left)}
}

// messageOf is the termination message of a push, from which the operator makes an Event. What was left is not in it where both
// names together are too long for one: cut, nothing of it could be read.
func (r *runner) messageOf(pushed registry.Pushed, bytes int64, took time.Duration, left *Left) string {
	text, _ := json.Marshal(struct {
		Artifact string  `json:"artifact"`
		Digest   string  `json:"digest"`
		Bytes    int64   `json:"bytes"`
		Seconds  float64 `json:"seconds"`
		Replaced string  `json:"replaced,omitempty"`
		// The operator does not know it: it may not read nodes.
		Architecture string `json:"architecture"`
		Left         *Left  `json:"left,omitempty"`
	}{r.Output.Name(), pushed.Digest, bytes, took.Round(time.Millisecond).Seconds(), pushed.Replaced, runtime.GOARCH, left})
	if left != nil && len(text) > failure.LongestMessage {
		return r.messageOf(pushed, bytes, took, nil)
	}
	return string(text)
}

func (r *runner) asFailure(err error) Failure {
	if found := failure.As(err); found != nil {
		return Failure{found.Code, found.Message}
	}
	found := registry.PushCodes().Failure("push to "+r.Output.Name(), err)
	return Failure{found.Code, found.Message}
}
