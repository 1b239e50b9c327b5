package pusher

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// world is a Pod as the kubelet runs it, with launchers that do as launchers do, around a Machine. It checks what must
// hold at every step.
type world struct {
	settings Settings
	// streams says that launchers get their inputs over the connection, and that oras is restarted when it was killed.
	streams   bool
	machine   *Machine
	alive     bool   // the container oras runs
	gone      bool   // it ended, and nothing restarts it
	deleted   bool   // the Pod is being deleted
	changed   bool   // the image of oras was changed: it was sent SIGTERM, and is started again whatever it ends with
	concluded *Exit  // how the step has ended: on disk
	failed    bool   // a failure that ends the step was reported
	told      []bool // which launchers this life of oras has told of it
	seen      []bool // which launchers this life of oras knows of
	underWay  []bool // which launchers have an attempt whose end oras has not heard: on disk
	launchers []container
	kept      []*Result
	newest    []string // the newest attempt that was served
	final     []string // the newest attempt after which the kubelet starts no other
	parts     []string // whose part lies on disk: an attempt
	push      []string // the attempts that are being pushed; nil when none is
	reporting bool     // that is of a failure
	exits     int
	lastExit  Exit
	anew      bool // every container of the Pod is about to be started again
	log       []string
}

// container is a wrapped container.
type container struct {
	starts    int
	running   bool
	finished  bool // it ended, and the kubelet does not start it again
	connected bool
	served    bool // its program may run, when it has its inputs
	started   bool // its program runs
	failing   bool // it alone was told that it may not
	informed  bool // it was told that it may not
	ran       bool // its program has ended
	result    Result
	released  bool
	lastCode  int
}

func (c container) attempt(i int) string { return fmt.Sprintf("%d/%d", i, c.starts) }

const outputFailed = 189

func (w *world) handle(t *rapid.T, event Event) {
	w.log = append(w.log, fmt.Sprintf("%T%+v", event, event))
	w.do(t, w.machine.Handle(event))
}

func (w *world) start(t *rapid.T) {
	// Each life asks for the inputs once more.
	w.alive, w.failed = true, false
	w.told, w.seen = make([]bool, len(w.launchers)), make([]bool, len(w.launchers))
	kept := make([]Kept, len(w.kept))
	for i, result := range w.kept {
		w.seen[i] = result != nil
		kept[i] = Kept{result, w.underWay[i]}
	}
	w.log = append(w.log, "start")
	if w.concluded != nil {
		w.exit(*w.concluded)
		return
	}
	machine, actions := NewMachine(w.settings, kept)
	w.machine = machine
	w.do(t, actions)
}

func (w *world) do(t *rapid.T, actions []Action) {
	for n, action := range actions {
		w.log = append(w.log, fmt.Sprintf("  %T%+v", action, action))
		switch a := action.(type) {
		case Refuse:
			t.Fatalf("refused the only connection of a launcher")
		case Serve:
			c := &w.launchers[a.Launcher]
			if !c.connected || c.ran && c.result.HasPart && c.released {
				t.Fatalf("served an attempt that is not there")
			}
			if w.push != nil {
				t.Fatalf("serves an attempt while an older one is pushed")
			}
			c.served = true
			w.underWay[a.Launcher] = true
			w.newest[a.Launcher] = c.attempt(a.Launcher)
		case Inform:
			c := &w.launchers[a.Launcher]
			if !w.failed || !c.connected {
				t.Fatalf("informed nobody, or of nothing")
			}
			c.informed = true
			w.told[a.Launcher] = true
		case Fail:
			c := &w.launchers[a.Launcher]
			if !w.streams || !c.connected || c.started || w.failed || !w.othersHaveSomething(a.Launcher) {
				t.Fatalf("fails one launcher for nothing")
			}
			c.failing = true
		case Await:
			w.underWay[a.Launcher] = false
		case Keep:
			if w.launchers[a.Launcher].attempt(a.Launcher) != a.Result.Attempt {
				t.Fatalf("keeps the result of an older attempt")
			}
			result := a.Result
			w.kept[a.Launcher] = &result
		case Release:
			w.launchers[a.Launcher].released = true
		case Forget:
			w.kept[a.Launcher], w.underWay[a.Launcher] = nil, false
			w.parts[a.Launcher] = ""
		case Push:
			w.pushes(t, a)
		case Report:
			w.reports(t, a)
		case StopPush:
			if w.push == nil {
				t.Fatalf("stopped no push")
			}
			w.push, w.reporting = nil, false
		case Conclude:
			w.concludes(t, a)
		case Exit:
			if n != len(actions)-1 {
				t.Fatalf("went on after its end")
			}
			w.checkExit(t, a)
			w.exit(a)
		}
	}
}

// othersHaveSomething says whether the end of the step would cost another launcher's work.
func (w *world) othersHaveSomething(i int) bool {
	for j, c := range w.launchers {
		mayCome := !w.seen[j] && w.underWay[j]
		if j != i && (c.connected && (c.started || c.ran) && !c.released || mayCome || w.kept[j] != nil) {
			return true
		}
	}
	return false
}

func (w *world) pushes(t *rapid.T, a Push) {
	if w.push != nil {
		t.Fatalf("two pushes at once")
	}
	failures := 0
	for i := range w.launchers {
		result := w.kept[i]
		if result == nil || result.Attempt != w.newest[i] {
			t.Fatalf("pushes though the newest attempt of launcher %d has no result", i)
		}
		if result.Problem != "" {
			t.Fatalf("pushes a part of an output of which another part is missing")
		}
		if result.Code != 0 {
			failures++
		}
	}
	if !w.settings.HasOutput || w.settings.PushOn == OnSuccess && failures > 0 || w.settings.PushOn == WhenFailed && failures == 0 {
		t.Fatalf("pushes on a verdict that does not allow it")
	}
	left := w.settings.KeepsFailure && failures > 0
	if left != (a.Left != nil) || left && a.Left.Artifact != strings.Join(w.newest, " ") {
		t.Fatalf("pushes beside %+v, of %d failures", a.Left, failures)
	}
	w.push = []string{}
	for _, i := range a.Launchers {
		if w.parts[i] != w.newest[i] {
			t.Fatalf("pushes part %q of launcher %d, whose newest attempt is %q", w.parts[i], i, w.newest[i])
		}
		w.push = append(w.push, w.parts[i])
	}
	if len(w.push) == 0 {
		t.Fatalf("pushes nothing")
	}
}

// reports says whether there is a failure to tell of, and what is told is the newest attempt's.
func (w *world) reports(t *rapid.T, a Report) {
	if w.push != nil || !w.settings.KeepsFailure || len(a.Parts)+len(a.Logs) == 0 {
		t.Fatalf("reports nothing, or for nothing")
	}
	failures := 0
	for i := range w.launchers {
		result := w.kept[i]
		if result == nil || result.Attempt != w.newest[i] {
			t.Fatalf("reports though the newest attempt of launcher %d has no result", i)
		}
		if result.Code != 0 {
			failures++
		}
		if result.HasPart != slices.Contains(a.Parts, i) || result.HasLog != slices.Contains(a.Logs, i) {
			t.Fatalf("reports %+v, but of launcher %d there is %+v", a, i, result)
		}
	}
	if failures == 0 {
		t.Fatalf("reports a success")
	}
	w.push, w.reporting = []string{}, true
}

// checkExit says whether the end of oras leaves somebody waiting. An attempt that the kubelet starts whatever the one before
// ended with is not known to oras before it greets: it finds nobody, and fails.
func (w *world) checkExit(t *rapid.T, e Exit) {
	switch {
	case w.deleted || w.changed || w.push != nil:
		return
	case w.failed:
		for i, c := range w.launchers {
			if w.final[i] != w.newest[i] && !c.informed && !w.told[i] {
				t.Fatalf("ends before launcher %d knows why", i)
			}
		}
		return
	case e.Code != 0:
		t.Fatalf("fails without a reason")
	}
	for i, newest := range w.newest {
		if newest == "" && e.Code == 0 || w.final[i] != newest {
			t.Fatalf("ends while launcher %d goes on", i)
		}
	}
}

// concludes says whether a launcher may come that would find nobody.
func (w *world) concludes(t *rapid.T, c Conclude) {
	w.concluded = &c.Exit
	for i, newest := range w.newest {
		knows := w.launchers[i].informed || w.told[i]
		if !w.deleted && !knows && (newest == "" || w.final[i] != newest) {
			t.Fatalf("concludes while launcher %d goes on", i)
		}
	}
}

// exit ends the container oras; the kubelet may start it again.
func (w *world) exit(e Exit) {
	w.exits++
	w.lastExit = e
	w.alive = false
	w.push, w.reporting = nil, false
	w.drop()
	w.gone = w.deleted || !w.changed && !w.restarts(e.Code)
	w.changed = false
}

// restarts says whether oras is started again: its rules restart it when it was killed.
func (w *world) restarts(code int) bool {
	policy := w.settings.Policies[0].Restart
	return w.streams && code == Killed || policy == Always || policy == OnFailure && code != 0
}

// drop ends every connection to oras.
func (w *world) drop() {
	for i := range w.launchers {
		w.launchers[i].connected, w.launchers[i].informed = false, false
	}
}

func (w *world) ends(t *rapid.T, i, code int) {
	c := &w.launchers[i]
	connected := c.connected
	attempt := c.attempt(i)
	c.running, c.connected, c.lastCode, c.started = false, false, code, false
	next := w.settings.Policies[i].after(code)
	c.finished = w.deleted || next == ends
	w.anew = w.anew || !w.deleted && next == restartsAll
	if c.finished && (w.newest[i] == attempt || w.newest[i] == "") {
		w.final[i] = attempt
	}
	if connected && w.alive {
		w.handle(t, Disconnected{i, attempt})
	}
}

// startAnew is a round of all containers: the kubelet kills what runs, and the init container drops what is kept.
func (w *world) startAnew(*rapid.T) {
	w.log = append(w.log, "every container is started again")
	w.anew, w.alive, w.gone, w.failed, w.changed, w.concluded, w.push = false, false, false, false, false, nil, nil
	w.reporting = false
	for i := range w.launchers {
		w.launchers[i] = container{starts: w.launchers[i].starts}
		w.kept[i], w.underWay[i], w.newest[i], w.final[i], w.parts[i] = nil, false, "", "", ""
	}
}

func policies(t *rapid.T) []Policy {
	restart := rapid.SampledFrom([]RestartPolicy{Never, OnFailure, Always}).Draw(t, "restartPolicy")
	all := make([]Policy, rapid.IntRange(1, 2).Draw(t, "launchers"))
	for i := range all {
		all[i].Restart = restart
		if rapid.Bool().Draw(t, "rules") {
			code := rapid.SampledFrom([]int{42, 42, 0}).Draw(t, "rule")
			all[i].Rules = []Rule{{Codes: []int{code}, All: rapid.Bool().Draw(t, "all")}}
		}
	}
	return all
}

// restartAll says whether a rule restarts all containers: such a Pod has an init container.
func restartAll(policies []Policy) bool {
	return slices.ContainsFunc(policies, func(p Policy) bool {
		return slices.ContainsFunc(p.Rules, func(r Rule) bool { return r.All })
	})
}

func TestMachineInEveryOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		settings := Settings{
			Policies:     policies(t),
			HasOutput:    rapid.Bool().Draw(t, "output"),
			PushOn:       rapid.SampledFrom([]PushOn{OnSuccess, OnAny, WhenFailed}).Draw(t, "pushOn"),
			OutputFailed: outputFailed,
		}
		settings.KeepsFailure = settings.HasOutput && rapid.Bool().Draw(t, "keepsFailure")
		n := len(settings.Policies)
		w := &world{settings: settings, streams: rapid.Bool().Draw(t, "streams") && !restartAll(settings.Policies), launchers: make([]container, n), kept: make([]*Result, n), newest: make([]string, n), underWay: make([]bool, n), final: make([]string, n), parts: make([]string, n)}
		defer func() {
			if t.Failed() {
				for _, line := range w.log {
					t.Log(line)
				}
			}
		}()
		w.start(t)
		for step := 0; step < 60; step++ {
			usual, faults := w.possible()
			possible := usual
			if len(usual) == 0 || len(faults) > 0 && rapid.IntRange(0, 9).Draw(t, "fault") == 0 {
				possible = faults
			}
			if len(possible) == 0 {
				break
			}
			possible[rapid.IntRange(0, len(possible)-1).Draw(t, "what")](t)
		}
		w.finish(t)
	})
}

type step = func(*rapid.T)

// possible are the things that may happen now: usual ones and faults.
func (w *world) possible() (usual, faults []step) {
	if w.anew && !w.deleted {
		usual = append(usual, w.startAnew)
	}
	switch {
	case !w.alive && !w.gone:
		usual = append(usual, w.start)
	case w.alive && !w.deleted:
		faults = append(faults,
			func(*rapid.T) {
				w.log = append(w.log, "oras is killed")
				w.exit(Exit{Code: Killed})
			},
			func(t *rapid.T) {
				w.deleted = true
				w.handle(t, Terminated{})
			},
			func(t *rapid.T) {
				w.changed = true
				w.handle(t, Terminated{})
			})
		if !w.failed && !w.anyRan() && w.push == nil {
			faults = append(faults, func(t *rapid.T) {
				w.failed = true
				w.handle(t, CannotRun{Failure{Code: 181, Message: "no such input"}})
			})
		}
	}
	if w.alive && w.push != nil {
		usual = append(usual, w.pushed)
		if !w.reporting {
			faults = append(faults, func(t *rapid.T) { w.handle(t, PushFailed{Failure{Code: 190}}) })
		}
	}
	for i := range w.launchers {
		if w.launchers[i].streamsTo(w) {
			faults = append(faults, func(t *rapid.T) { w.cannotServe(t, i) })
		}
		// One that is killed between its release and its end, with a code that would have restarted all, is not explored:
		// oras waits for a round that does not come.
		if c := w.launchers[i]; c.running && !(c.released && restartAll(w.settings.Policies)) {
			faults = append(faults, func(t *rapid.T) {
				w.log = append(w.log, w.launchers[i].attempt(i)+" is killed")
				w.ends(t, i, Killed)
			})
		}
		if c := w.launchers[i]; c.finished && !c.running && !w.deleted && !w.anew {
			// A liveness probe failed, or the image was changed: what it ended with does not matter.
			faults = append(faults, func(*rapid.T) { w.startLauncher(i) })
		}
		usual = append(usual, w.steps(i)...)
	}
	return usual, faults
}

// streamsTo says that inputs are on their way to a launcher.
func (c container) streamsTo(w *world) bool {
	return w.streams && w.alive && c.connected && c.served && !c.started && !c.ran && !c.informed && !c.failing && !c.released
}

func (w *world) cannotServe(t *rapid.T, i int) {
	c := &w.launchers[i]
	if w.deleted || w.changed || w.settings.Policies[i].after(183) != restarts || !w.othersHaveSomething(i) {
		w.failed = true
	}
	w.handle(t, CannotServe{i, c.attempt(i), Failure{Code: 183, Message: "no registry"}})
}

// isMissing says that a launcher which an earlier life of oras has served has died, unseen by this one.
func (w *world) isMissing(i int) bool {
	c := w.launchers[i]
	return w.streams && w.alive && !w.seen[i] && w.underWay[i] && !c.running
}

func (w *world) pushed(t *rapid.T) {
	w.push = nil
	if w.reporting {
		w.reporting = false
		w.handle(t, Reported{Left{Artifact: strings.Join(w.newest, " ")}})
		return
	}
	w.handle(t, Pushed{})
}

func (w *world) anyRan() bool {
	for _, c := range w.launchers {
		if c.ran || c.served {
			return true
		}
	}
	return false
}

func (w *world) steps(i int) []step {
	c := &w.launchers[i]
	switch {
	case w.isMissing(i):
		return []step{func(t *rapid.T) {
			w.seen[i] = true
			w.handle(t, Missing{i})
		}}
	case !c.running && !c.finished && !w.deleted && !w.anew:
		return []step{func(*rapid.T) { w.startLauncher(i) }}
	case !c.running:
		return nil
	}
	var steps []step
	switch {
	case c.released:
		return append(steps, func(t *rapid.T) { w.ends(t, i, c.result.exitCode(w.settings)) })
	case !w.alive:
		if w.gone {
			// Nobody will come: the launcher says so and fails.
			steps = append(steps, func(t *rapid.T) { w.ends(t, i, w.withoutOras(t, i)) })
		}
		return steps
	case !c.connected:
		return append(steps, func(t *rapid.T) {
			c.connected, w.seen[i] = true, true
			w.handle(t, Connected{i, c.attempt(i), !c.started && !c.ran})
		})
	case c.informed:
		return append(steps, func(t *rapid.T) {
			w.handle(t, Informed{i})
			if w.launchers[i].running {
				w.ends(t, i, 181)
			}
		})
	case c.failing:
		return append(steps, func(t *rapid.T) { w.ends(t, i, 183) })
	case !c.served:
		return steps
	case !c.started && !c.ran:
		return append(steps,
			func(t *rapid.T) {
				c.result = Result{Code: 186}
				if w.settings.Policies[i].after(186) == ends {
					w.final[i] = c.attempt(i)
				}
				w.handle(t, FailedBefore{i, 186})
			},
			func(t *rapid.T) {
				c.started = true
				w.handle(t, Started{i})
			})
	case c.ran:
		// Told once more, to a life of oras that has not heard it.
		return append(steps, func(t *rapid.T) { w.tell(t, i) })
	}
	return append(steps,
		func(t *rapid.T) {
			c.ran = true
			code := rapid.SampledFrom([]int{0, 1, 42}).Draw(t, "code")
			c.result = Result{Attempt: c.attempt(i), Code: code}
			c.result.HasLog = w.settings.KeepsFailure && code != 0 && rapid.Bool().Draw(t, "log")
			if w.settings.HasOutput && (w.settings.PushOn.Wanted(code) || c.result.HasLog) {
				c.result.HasPart = rapid.Bool().Draw(t, "packed")
				if !c.result.HasPart {
					c.result.Problem = "there is nothing at /out"
				}
			}
			w.tell(t, i)
		})
}

func (w *world) startLauncher(i int) {
	c := &w.launchers[i]
	*c = container{starts: c.starts + 1, running: true}
	w.log = append(w.log, "starts "+c.attempt(i))
}

// withoutOras is the exit code of a launcher that has nobody to tell its end.
func (w *world) withoutOras(t *rapid.T, i int) int {
	c := w.launchers[i]
	if !c.started && !c.ran {
		return 188
	}
	code := c.result.Code
	if !c.ran {
		code = rapid.SampledFrom([]int{0, 1, 42}).Draw(t, "code")
	}
	if code == 0 {
		return outputFailed
	}
	return code
}

func (w *world) tell(t *rapid.T, i int) {
	c := &w.launchers[i]
	if c.result.HasPart {
		w.parts[i] = c.attempt(i)
	}
	if w.settings.Policies[i].after(c.result.exitCode(w.settings)) == ends {
		w.final[i] = c.attempt(i)
	}
	w.handle(t, Resulted{i, c.result})
}

// finish lets everything come to its end without further faults: nothing may wait for ever.
func (w *world) finish(t *rapid.T) {
	for range 200 {
		var next step
		switch {
		case w.anew && !w.deleted:
			next = w.startAnew
		case w.alive && w.push != nil:
			next = w.pushed
		case !w.alive && !w.gone:
			next = w.start
		default:
			next = w.oneOf()
		}
		if next == nil {
			break
		}
		next(t)
	}
	if w.alive && w.push == nil && !w.waitsForKubelet() && !w.waitsForOperator() {
		t.Fatalf("waits for ever")
	}
	for i, c := range w.launchers {
		if w.gone && c.running {
			t.Fatalf("launcher %d waits for an oras that cannot come", i)
		}
	}
	if !w.alive && w.lastExit.Code == 0 && w.failed {
		t.Fatalf("succeeded though the step failed")
	}
}

// oneOf is the next step of the launchers that is no fault.
func (w *world) oneOf() step {
	for i := range w.launchers {
		steps := w.steps(i)
		if c := w.launchers[i]; !c.running {
			if len(steps) > 0 && c.starts < 20 {
				return steps[0]
			}
			continue
		}
		// The last is the one that ends it.
		if len(steps) > 0 {
			return func(t *rapid.T) { steps[len(steps)-1](t) }
		}
	}
	return nil
}

// waitsForKubelet says whether a container is still to be started again: one that fails each time.
func (w *world) waitsForKubelet() bool {
	for _, c := range w.launchers {
		if !c.running && !c.finished && c.starts >= 20 {
			return true
		}
	}
	return false
}

// waitsForOperator says whether a launcher was killed for good before it greeted: the operator ends such a Pod.
func (w *world) waitsForOperator() bool {
	for i, c := range w.launchers {
		if c.finished && w.newest[i] != c.attempt(i) {
			return true
		}
	}
	return false
}

// The kubelet ends all containers of a sandbox that is lost, and starts them in another one: those that failed, by their
// policy, the others not.
func TestASandboxThatIsMadeAgain(t *testing.T) {
	again := []Rule{{Codes: []int{0}}}
	for _, c := range []struct {
		policy Policy
		code   int
		want   Exit
	}{
		{Policy{Restart: OnFailure}, 0, Exit{Message: "nothing pushed: no program left an output"}},
		{Policy{Restart: Always}, 0, Exit{Message: "nothing pushed: no program left an output"}},
		{Policy{Restart: OnFailure, Rules: again}, 0, Exit{Code: 143, Message: "nothing pushed: no program left an output"}},
		{Policy{Restart: OnFailure}, 143, Exit{Code: 143, Message: "nothing pushed: the program ended with exit code 143"}},
		{Policy{Restart: Always}, 143, Exit{Code: 143, Message: "nothing pushed: the program ended with exit code 143"}},
		{Policy{Restart: Never}, 143, Exit{Message: "nothing pushed: the program ended with exit code 143"}},
		{Policy{Restart: Never, Rules: []Rule{{Codes: []int{143}}}}, 143, Exit{Code: 143, Message: "nothing pushed: the program ended with exit code 143"}},
	} {
		m, _ := NewMachine(Settings{Policies: []Policy{c.policy}, HasOutput: true, PushOn: OnSuccess}, make([]Kept, 1))
		m.Handle(Connected{0, "a", false})
		m.Handle(Terminated{})
		actions := m.Handle(Resulted{0, Result{Attempt: "a", Code: c.code}})
		if last := actions[len(actions)-1]; last != c.want {
			t.Errorf("%+v: %+v, want %+v", c.policy, last, c.want)
		}
	}
}

// What a failed step has left is named by whatever is said last: that nothing else was pushed, was pushed, or cannot be.
func TestWhatWasLeftIsNamed(t *testing.T) {
	const pushed, notPushed = "; what it left was pushed to r/a:1 (sha256:x)", "; what it left cannot be pushed to r/a:1, as the log of this container says"
	start := func(pushOn PushOn, left Left, long string) (*Machine, []Action) {
		m, _ := NewMachine(Settings{Policies: []Policy{{Restart: Never}}, HasOutput: true, KeepsFailure: true, PushOn: pushOn}, make([]Kept, 1))
		m.Handle(Connected{0, "a", false})
		m.Handle(Resulted{0, Result{Attempt: "a", Code: 7, HasPart: true, Problem: long}})
		return m, m.Handle(Reported{left})
	}
	for left, end := range map[Left]string{{"r/a:1", "sha256:x"}: pushed, {Artifact: "r/a:1"}: notPushed} {
		_, actions := start(OnSuccess, left, "")
		if last := actions[len(actions)-1]; last != (Exit{Message: "nothing pushed: the program ended with exit code 7" + end}) {
			t.Errorf("%+v", last)
		}
		// Of a sentence that is too long the end stays.
		_, actions = start(OnAny, left, strings.Repeat("é", 1000))
		if last := actions[len(actions)-1].(Exit); !strings.HasSuffix(last.Message, "é"+end) || len(last.Message) > 1023 {
			t.Errorf("%+v", last)
		}
		m, actions := start(OnAny, left, "")
		if last := actions[len(actions)-1].(Push); last.Left == nil || *last.Left != left {
			t.Errorf("%+v", last)
		}
		actions = m.Handle(PushFailed{Failure{190, "push to r/b:1: no"}})
		if last := actions[len(actions)-1]; last != (Exit{190, "push to r/b:1: no" + end}) {
			t.Errorf("%+v", last)
		}
	}
}
