// Package pusher is the container oras: it feeds inputs to the launchers of its Pod, follows the attempts of their
// programs, and pushes what they hand over as one artifact.
//
// What it decides is in Machine, which is pure: events in, actions out. Everything else carries actions out.
package pusher

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/converged-computing/oras-operator/agent/internal/contract"
	"github.com/converged-computing/oras-operator/agent/internal/failure"
)

// PushOn says after which ends of the programs the output is pushed.
type PushOn string

// The values of the annotation push-on.
const (
	OnSuccess PushOn = "success"
	OnAny     PushOn = "always"
	// WhenFailed pushes what a failed step left, for the one who looks for the cause.
	WhenFailed PushOn = "failure"
)

// Wanted says whether the end of one program asks for its output.
func (p PushOn) Wanted(code int) bool {
	return p == OnAny || (code == 0) == (p == OnSuccess)
}

// Settings are what the machine has to know of its step.
type Settings struct {
	// Policies has one entry for each launcher.
	Policies []Policy
	// HasOutput says whether anything is to be pushed.
	HasOutput bool
	PushOn    PushOn
	// KeepsFailure says that what a failed step has left, and the end of its logs, is pushed, too.
	KeepsFailure bool
	// OutputFailed is the exit code of a launcher whose program succeeded and whose output is missing.
	OutputFailed int
}

// Result is how an attempt ended. It is kept on disk before the launcher hears that it may end, so that a restart of this
// container goes on from it.
type Result struct {
	// Attempt names the attempt.
	Attempt string `json:"attempt"`
	// Code is the exit code of the program.
	Code int `json:"code"`
	// HasPart says that the attempt's output is here, whole.
	HasPart bool `json:"hasPart,omitempty"`
	// HasLog says that the end of the program's log is here.
	HasLog bool `json:"hasLog,omitempty"`
	// Problem says why an output that was wanted is missing.
	Problem string `json:"problem,omitempty"`
	// Missing says why there is no output, where that is no failure.
	Missing string `json:"missing,omitempty"`
}

// exitCode is that of the wrapped container: a success whose output is missing is none.
func (r Result) exitCode(s Settings) int {
	if r.Code == 0 && r.Problem != "" {
		return s.OutputFailed
	}
	return r.Code
}

// launcher is what is known of one.
type launcher struct {
	policy Policy
	// attempt is the newest, empty before the first.
	attempt string
	// connected says that the newest attempt's connection is open.
	connected bool
	// over says that the newest attempt has told its end, or lost its connection.
	over bool
	// result is set when the newest attempt has told how it ended, and counts; it stays when the connection ends.
	result *Result
	// lost says why there will be no result: the attempt was killed or failed, and the kubelet starts no other.
	lost string
	// lostAfter is the exit code of a launcher that is lost.
	lostAfter int
	// runs says that the newest attempt's program runs, or has ended and is about to say so; also when its launcher was
	// served by an earlier life of this container and is about to connect again.
	runs bool
	// informed says that the launcher was told of the failure that ends the step.
	informed bool
	// queued is an attempt that is connected and waits until the push of the one before is over.
	queued string
}

func (l *launcher) isSettled() bool { return l.result != nil || l.lost != "" }

// Machine decides. It is not safe for several goroutines.
type Machine struct {
	settings  Settings
	launchers []launcher
	failure   *Failure
	pushing   bool
	// reported says that the failure is pushed, or cannot be.
	reported bool
	// left is what of a failed step was pushed, or was to be: nil where nothing was.
	left        *Left
	terminating bool
	ended       bool
}

// Failure ends the step: the code and the sentence of both containers.
type Failure struct {
	Code    int
	Message string
}

// Event is something that happened; see the types with the method event.
type Event interface{ event() }

// Connected: an attempt of a launcher has greeted. After a restart of this container it may be one whose program runs.
type Connected struct {
	Launcher int
	Attempt  string
	// NeedsInputs says that its program has not begun, and waits for inputs.
	NeedsInputs bool
}

// Started: the program of a launcher runs.
type Started struct{ Launcher int }

// Missing: a launcher that an earlier life of this container has served, and whose end it has not heard, did not connect
// again, as one does that lives.
type Missing struct{ Launcher int }

// Resulted: an attempt has told how it ended, and its output, if any, is here whole.
type Resulted struct {
	Launcher int
	Result   Result
}

// FailedBefore: an attempt ended before its program began, with a code that it has told.
type FailedBefore struct {
	Launcher int
	Code     int
}

// Disconnected: the connection of an attempt ended. Without a result before it, the launcher was killed.
type Disconnected struct {
	Launcher int
	Attempt  string
}

// CannotRun: the inputs cannot be had, or the output could not be pushed, for a reason that does not pass.
type CannotRun struct{ Failure Failure }

// CannotServe: an attempt cannot get its inputs, for a reason that does not pass.
type CannotServe struct {
	Launcher int
	Attempt  string
	Failure  Failure
}

// Informed: a launcher has been told of the failure.
type Informed struct{ Launcher int }

// Pushed: the artifact is in the registry. Report is the termination message that says so.
type Pushed struct{ Report string }

// Reported: the failure is in the registry, or cannot be pushed, which changes nothing.
type Reported struct{ Left Left }

// Left is what a failed step has left, as its author asked for: the termination message names it.
type Left struct {
	Artifact string `json:"artifact"`
	// Digest is empty where it could not be pushed.
	Digest string `json:"digest,omitempty"`
}

// sentence is what stands behind another one.
func (l *Left) sentence() string {
	switch {
	case l == nil:
		return ""
	case l.Digest == "":
		return "; what it left cannot be pushed to " + l.Artifact + ", as the log of this container says"
	}
	return contract.LeftBehind + l.Artifact + " (" + l.Digest + ")"
}

// PushFailed: it is not, and will not be.
type PushFailed struct{ Failure Failure }

// Terminated: this container was sent SIGTERM. The programs were too.
type Terminated struct{}

func (Connected) event()    {}
func (Started) event()      {}
func (Missing) event()      {}
func (Resulted) event()     {}
func (FailedBefore) event() {}
func (Disconnected) event() {}
func (CannotRun) event()    {}
func (CannotServe) event()  {}
func (Informed) event()     {}
func (Pushed) event()       {}
func (PushFailed) event()   {}
func (Reported) event()     {}
func (Terminated) event()   {}

// Action is something to do; see the types with the method action.
type Action interface{ action() }

// Refuse ends a connection with a sentence: another attempt of the launcher is connected.
type Refuse struct{ Launcher int }

// Serve lets an attempt go on: it gets the inputs if its program has not begun. Answered by CannotServe when it cannot.
type Serve struct{ Launcher int }

// Inform tells a launcher of the failure that ends the step; answered by Informed.
type Inform struct {
	Launcher int
	Failure  Failure
}

// Fail tells a launcher that this attempt fails. The next one may not.
type Fail struct {
	Launcher int
	Failure  Failure
}

// Keep writes a result to disk, where a restart of this container finds it.
type Keep struct {
	Launcher int
	Result   Result
}

// Release lets a launcher end: nothing more is needed of it.
type Release struct{ Launcher int }

// Forget removes a launcher's result and part from disk: they are an older attempt's. It is an Await, too.
type Forget struct{ Launcher int }

// Await forgets that an attempt of a launcher was served: it is over, and the next one may take its time.
type Await struct{ Launcher int }

// Push pushes the parts of these launchers as one artifact; answered by Pushed or PushFailed.
// Left is what was pushed before of a failed step: the message names both.
type Push struct {
	Launchers []int
	Left      *Left
}

// Report pushes what these launchers have left as what a failed step has left, and the logs that there are; answered by Reported.
type Report struct{ Parts, Logs []int }

// StopPush gives up a push that is under way: what it pushes is an older attempt's. It is not answered.
type StopPush struct{}

// Conclude keeps on disk how the step has ended. The kubelet may start this container once more all the same, as it does
// when its image was changed while it ended; no launcher comes then.
type Conclude struct{ Exit Exit }

// Say is a line for the log.
type Say struct{ Text string }

// Exit ends this container, with a termination message.
type Exit struct {
	Code    int
	Message string
}

func (Refuse) action()   {}
func (Serve) action()    {}
func (Inform) action()   {}
func (Fail) action()     {}
func (Keep) action()     {}
func (Release) action()  {}
func (Forget) action()   {}
func (Await) action()    {}
func (Push) action()     {}
func (Report) action()   {}
func (StopPush) action() {}
func (Conclude) action() {}
func (Say) action()      {}
func (Exit) action()     {}

// Kept is what an earlier life of this container has kept of a launcher.
type Kept struct {
	// Result is nil where the end of an attempt is not known.
	Result *Result
	// UnderWay says that an attempt was served.
	UnderWay bool
}

// NewMachine begins with what an earlier life of this container has kept, for each launcher.
func NewMachine(settings Settings, kept []Kept) (*Machine, []Action) {
	m := &Machine{settings: settings, launchers: make([]launcher, len(settings.Policies))}
	for i, policy := range settings.Policies {
		l := &m.launchers[i]
		l.policy, l.result = policy, kept[i].Result
		if l.result != nil {
			l.attempt = l.result.Attempt
		} else {
			l.runs = kept[i].UnderWay
		}
	}
	return m, m.proceed()
}

// Handle takes an event and returns what is to be done, in this order. After an Exit there is nothing more to do.
func (m *Machine) Handle(event Event) []Action {
	if m.ended {
		return nil
	}
	var actions []Action
	switch e := event.(type) {
	case Connected:
		actions = m.connected(e)
	case Resulted:
		actions = m.resulted(e)
	case FailedBefore:
		actions = m.failedBefore(e)
	case Disconnected:
		actions = m.disconnected(e)
	case Started:
		m.launchers[e.Launcher].runs = true
	case Missing:
		actions = m.missing(e)
	case CannotRun:
		actions = m.cannotRun(e.Failure)
	case CannotServe:
		actions = m.cannotServe(e)
	case Informed:
		m.launchers[e.Launcher].informed = true
	case Pushed:
		actions = m.pushed(e)
	case Reported:
		m.pushing, m.reported, m.left = false, true, &e.Left
	case PushFailed:
		if m.pushing {
			return m.exit(e.Failure.Code, failure.WithEnd(e.Failure.Message, m.left.sentence()))
		}
	case Terminated:
		m.terminating = true
	}
	return append(actions, m.proceed()...)
}

func (m *Machine) connected(e Connected) []Action {
	l := &m.launchers[e.Launcher]
	if l.connected || l.queued != "" {
		return []Action{Refuse{e.Launcher}}
	}
	if l.attempt != e.Attempt && m.pushing && m.next(l, l.result.exitCode(m.settings)) != ends {
		// What the failed attempt left is pushed before the next one may leave anything.
		l.queued = e.Attempt
		return nil
	}
	var actions []Action
	if l.attempt != e.Attempt && l.isSettled() {
		// The container was restarted for a reason that its policy does not know: its image was changed, its sandbox made again.
		actions = m.forget(e.Launcher)
	}
	l.runs = !e.NeedsInputs
	return append(actions, m.admit(e.Launcher, e.Attempt)...)
}

// admit begins an attempt, or goes on with one.
func (m *Machine) admit(i int, attempt string) []Action {
	l := &m.launchers[i]
	l.attempt, l.connected, l.over, l.lost = attempt, true, false, ""
	switch {
	case m.failure != nil:
		return []Action{Inform{i, *m.failure}}
	case l.result != nil:
		// It did not hear that it may end.
		l.over = true
		return []Action{Release{i}}
	}
	return []Action{Serve{i}}
}

// forget takes back what is known of a launcher's last attempt, and a push of it.
func (m *Machine) forget(i int) []Action {
	l := &m.launchers[i]
	l.result, l.lost = nil, ""
	m.reported, m.left = false, nil
	actions := []Action{Forget{i}}
	if m.pushing {
		m.pushing = false
		actions = append([]Action{StopPush{}}, actions...)
	}
	return actions
}

func (m *Machine) resulted(e Resulted) []Action {
	l := &m.launchers[e.Launcher]
	if !l.connected || l.over || l.attempt != e.Result.Attempt {
		return nil
	}
	l.runs = false
	code := e.Result.exitCode(m.settings)
	if !e.Result.HasPart && !e.Result.HasLog && code != 0 && m.next(l, code) != ends {
		return append([]Action{Release{e.Launcher}}, m.attemptOver(e.Launcher, code, "the wrapped container ended with exit code "+strconv.Itoa(code))...)
	}
	l.over, l.result = true, &e.Result
	return []Action{Keep(e), Release{e.Launcher}}
}

func (m *Machine) failedBefore(e FailedBefore) []Action {
	if l := &m.launchers[e.Launcher]; !l.connected || l.over {
		return nil
	}
	why := fmt.Sprintf("the wrapped container failed with exit code %d before its program", e.Code)
	return append(m.attemptOver(e.Launcher, e.Code, why), Release{e.Launcher})
}

func (m *Machine) disconnected(e Disconnected) []Action {
	l := &m.launchers[e.Launcher]
	if l.queued == e.Attempt {
		l.queued = ""
		return nil
	}
	if !l.connected || l.attempt != e.Attempt {
		return nil
	}
	l.connected = false
	if l.over {
		return nil
	}
	return m.attemptOver(e.Launcher, Killed, "the wrapped container ended without a verdict: it was killed")
}

// missing: it was killed while no container oras ran, and nobody saw it.
func (m *Machine) missing(e Missing) []Action {
	if l := &m.launchers[e.Launcher]; l.attempt != "" || l.lost != "" {
		return nil
	}
	return m.attemptOver(e.Launcher, Killed, "the wrapped container ended without a verdict, while the container oras was restarted: it was killed")
}

// attemptOver ends an attempt that leaves nothing: another one follows, or the launcher is lost.
func (m *Machine) attemptOver(i, code int, why string) []Action {
	l := &m.launchers[i]
	l.over, l.runs = true, false
	switch m.next(l, code) {
	case ends:
		l.lost, l.lostAfter = why, code
		return nil
	case restartsAll:
		return append([]Action{Await{i}, Say{why + "; every container of the Pod is restarted"}}, m.forgetAll()...)
	default:
		return []Action{Await{i}, Say{why + "; nothing was pushed; waiting for the wrapped container to be restarted"}}
	}
}

func (m *Machine) forgetAll() []Action {
	var actions []Action
	for i, l := range m.launchers {
		if l.isSettled() {
			actions = append(actions, m.forget(i)...)
		}
	}
	return actions
}

// next is what the kubelet does after an exit code; it starts nothing in a Pod that is deleted.
func (m *Machine) next(l *launcher, code int) next {
	if m.terminating {
		return ends
	}
	return l.policy.after(code)
}

func (m *Machine) cannotRun(failure Failure) []Action {
	if m.failure != nil {
		return nil
	}
	m.failure = &failure
	var actions []Action
	for i, l := range m.launchers {
		if l.connected {
			actions = append(actions, Inform{i, failure})
		}
	}
	return actions
}

// cannotServe ends the step, unless another launcher has something to lose and this one is started again.
func (m *Machine) cannotServe(e CannotServe) []Action {
	l := &m.launchers[e.Launcher]
	if !l.connected || l.over || l.attempt != e.Attempt || m.failure != nil {
		return nil
	}
	hasOthers := slices.ContainsFunc(m.launchers, func(l launcher) bool { return l.runs || l.result != nil })
	if !hasOthers || m.next(l, e.Failure.Code) != restarts {
		return m.cannotRun(e.Failure)
	}
	return append([]Action{Fail{e.Launcher, e.Failure}}, m.attemptOver(e.Launcher, e.Failure.Code, e.Failure.Message)...)
}

// proceed finds out whether the step is over.
func (m *Machine) proceed() []Action {
	switch {
	case m.ended || m.pushing:
		return nil
	case m.failure != nil:
		return m.proceedToFailure()
	case slices.ContainsFunc(m.launchers, func(l launcher) bool { return !l.isSettled() }):
		return m.proceedToTermination()
	}
	return m.settled()
}

// proceedToFailure ends this container when every launcher knows why: one that comes later would wait for nobody.
func (m *Machine) proceedToFailure() []Action {
	for _, l := range m.launchers {
		isGone := !l.connected && (m.terminating || l.isSettled() && !m.goesOn(l))
		if !l.informed && !isGone {
			return nil
		}
	}
	return m.exit(m.failure.Code, m.failure.Message)
}

// proceedToTermination ends this container when its Pod is deleted and no program is left that could still end well.
func (m *Machine) proceedToTermination() []Action {
	if !m.terminating || slices.ContainsFunc(m.launchers, func(l launcher) bool { return l.connected }) {
		return nil
	}
	return m.deleted()
}

// wouldGoOn says whether a wrapped container is started again if the Pod was not deleted, but its sandbox made again: SIGTERM
// looks the same then, and this container must be started again, too. Under Always it is after a success, too.
func (m *Machine) wouldGoOn(l launcher) bool {
	if l.result == nil {
		return false
	}
	code := l.result.exitCode(m.settings)
	return l.policy.after(code) != ends && (code != 0 || l.policy.Restart != Always)
}

// terminated is the exit code of a program that SIGTERM ends.
const terminated = 128 + 15

// deleted ends this container as a program that SIGTERM ends: with a code that makes the kubelet start it again where the
// Pod was not deleted after all.
func (m *Machine) deleted() []Action {
	const why = "the Pod was deleted before its programs had ended"
	if !m.settings.HasOutput {
		return m.exit(terminated, why)
	}
	return m.exit(terminated, failure.WithEnd(contract.NotPushed+why, m.left.sentence()))
}

// settled is called when every launcher's part is known.
func (m *Machine) settled() []Action {
	if report := m.report(); report != nil {
		m.pushing = true
		return []Action{*report}
	}
	var failed []string
	var parts []int
	missing := ""
	for i, l := range m.launchers {
		if l.lost != "" && m.terminating {
			return m.deleted()
		}
		if l.lost != "" {
			return m.unused(l.lost)
		}
		if l.result.Code != 0 {
			failed = append(failed, strconv.Itoa(l.result.Code))
		}
		if l.result.Problem != "" && m.settings.HasOutput && m.isWanted(l) {
			return m.unused(l.result.Problem)
		}
		if l.result.HasPart {
			parts = append(parts, i)
		}
		missing = l.result.Missing
	}
	switch {
	case !m.settings.HasOutput:
		return m.conclude("")
	case m.settings.PushOn == OnSuccess && len(failed) > 0:
		return m.unused("the program ended with exit code " + strings.Join(failed, " and "))
	case m.settings.PushOn == WhenFailed && len(failed) == 0:
		return m.unused("the program ended with success, and the output is to be pushed on failure")
	case len(parts) == 0 && missing != "":
		return m.unused(missing)
	case len(parts) == 0:
		return m.unused("no program left an output")
	}
	m.pushing = true
	return []Action{Push{parts, m.left}}
}

// isWanted says whether an output was asked for, and not only for the case of a failure.
func (m *Machine) isWanted(l launcher) bool {
	return !m.settings.KeepsFailure || l.result.Code == 0 || m.settings.PushOn != OnSuccess
}

// report is what a step leaves that has failed; nil where it has not, where one of its programs was killed, or where that is
// done.
func (m *Machine) report() *Report {
	if !m.settings.KeepsFailure || m.reported {
		return nil
	}
	var report Report
	hasFailed := false
	for i, l := range m.launchers {
		if l.result == nil {
			return nil
		}
		hasFailed = hasFailed || l.result.Code != 0
		if l.result.HasPart {
			report.Parts = append(report.Parts, i)
		}
		if l.result.HasLog {
			report.Logs = append(report.Logs, i)
		}
	}
	if !hasFailed || len(report.Parts)+len(report.Logs) == 0 {
		return nil
	}
	return &report
}

// unused ends the step without a push. The Pod has its verdict from the wrapped containers.
func (m *Machine) unused(why string) []Action {
	if !m.settings.HasOutput {
		return m.conclude(why)
	}
	return append([]Action{Say{why + "; nothing was pushed"}}, m.conclude(failure.WithEnd(contract.NotPushed+why, m.left.sentence()))...)
}

func (m *Machine) pushed(e Pushed) []Action {
	if !m.pushing {
		return nil
	}
	m.pushing = false
	return m.conclude(e.Report)
}

// conclude ends this container, unless a wrapped container is started again: that one needs its inputs, and what it leaves
// is pushed too.
func (m *Machine) conclude(message string) []Action {
	if m.terminating && slices.ContainsFunc(m.launchers, m.wouldGoOn) {
		return m.exit(terminated, message)
	}
	if !slices.ContainsFunc(m.launchers, m.goesOn) {
		return m.exit(0, message)
	}
	actions := []Action{Say{"waiting for the wrapped container to be restarted"}}
	for i, l := range m.launchers {
		if !m.goesOn(l) {
			continue
		}
		if m.next(&l, l.result.exitCode(m.settings)) == restartsAll {
			actions = append(actions, m.forgetAll()...)
			break
		}
		actions = append(actions, m.forget(i)...)
	}
	for i := range m.launchers {
		if attempt := m.launchers[i].queued; attempt != "" {
			m.launchers[i].queued = ""
			actions = append(actions, m.admit(i, attempt)...)
		}
	}
	return actions
}

// goesOn says whether the kubelet starts a launcher again whose attempt has told its end.
func (m *Machine) goesOn(l launcher) bool {
	return l.result != nil && m.next(&l, l.result.exitCode(m.settings)) != ends
}

// exit ends this container. What is kept is forgotten after a success: if the containers start once more, that is another
// step.
func (m *Machine) exit(code int, message string) []Action {
	m.ended = true
	var actions []Action
	if code == 0 {
		for i := range m.launchers {
			actions = append(actions, Forget{i})
		}
	}
	end := Exit{code, message}
	// A push that failed is tried again by another life of this container.
	if !m.pushing && !slices.ContainsFunc(m.launchers, m.mayComeAgain) {
		actions = append(actions, Conclude{end})
	}
	return append(actions, end)
}

// mayComeAgain says whether the kubelet may start a launcher again, if the Pod is not deleted: SIGTERM alone does not say
// that it is.
func (m *Machine) mayComeAgain(l launcher) bool {
	switch {
	case l.lost != "":
		return l.policy.after(l.lostAfter) != ends
	case l.result != nil:
		return l.policy.after(l.result.exitCode(m.settings)) != ends
	case l.informed:
		return l.policy.after(m.failure.Code) != ends
	}
	return true
}
