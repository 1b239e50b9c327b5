package launcher

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// world is a wrapped container with its container oras, as they meet the Machine.
type world struct {
	settings   Settings
	machine    *Machine
	oras       orasState
	orasGone   bool
	connecting bool // a Connect is under way
	connected  bool
	greeted    bool // oras has answered this connection with what it says to all
	preparing  bool
	allowed    bool // oras has said so, to one that does not wait for it
	asks       bool // the connection, or the one that is tried, asks for the inputs
	whole      bool // the inputs came over this connection
	checked    bool // the paths
	runs       int
	running    bool
	code       int
	asked      *HandOver // the last one
	told       bool      // oras knows the end
	failure    *Failed   // why the program does not run
	exit       *Exit
	stopped    bool
	// nobodyBefore says that oras had ended for good before this attempt began.
	nobodyBefore bool
	log          []string
}

type orasState int

const (
	notYet orasState = iota
	listening
	ended
)

const (
	nobodyThere  = 188
	outputFailed = 189
)

func TestMachineInEveryOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		wanted := rapid.SampledFrom([]func(int) bool{
			func(code int) bool { return code == 0 }, func(int) bool { return true }, func(int) bool { return false },
		}).Draw(t, "wanted")
		settings := Settings{
			Unpacks: rapid.Bool().Draw(t, "unpacks"), Tells: rapid.Bool().Draw(t, "tells"),
			OrasComesBack: rapid.Bool().Draw(t, "orasComesBack"),
			Wanted:        wanted, NobodyThere: nobodyThere, OutputFailed: outputFailed,
		}
		if settings.Tells && !settings.Unpacks {
			settings.Waits = rapid.Bool().Draw(t, "waits")
		}
		w := &world{settings: settings}
		defer func() {
			if t.Failed() {
				for _, line := range w.log {
					t.Log(line)
				}
			}
		}()
		machine, actions := NewMachine(settings)
		w.machine = machine
		if settings.Tells && rapid.IntRange(0, 9).Draw(t, "oras has ended before") == 9 {
			w.oras, w.orasGone, w.nobodyBefore = ended, true, true
			w.handle(t, gone(t))
		} else {
			w.do(t, actions)
		}
		for step := 0; step < 60 && w.exit == nil; step++ {
			usual, faults := w.possible()
			if len(usual) == 0 {
				break
			}
			steps := usual
			if len(faults) > 0 && rapid.IntRange(0, 9).Draw(t, "fault") == 9 {
				steps = faults
			}
			steps[rapid.IntRange(0, len(steps)-1).Draw(t, "what")](t)
		}
		for step := 0; w.exit == nil; step++ {
			usual, _ := w.possible()
			if len(usual) == 0 || step > 100 {
				t.Fatalf("waits for ever")
			}
			// The first is the one that goes on.
			usual[0](t)
		}
		w.checkExit(t)
	})
}

func (w *world) handle(t *rapid.T, event Event) {
	w.log = append(w.log, fmt.Sprintf("%T%+v", event, event))
	w.do(t, w.machine.Handle(event))
}

func (w *world) do(t *rapid.T, actions []Action) {
	for _, action := range actions {
		w.log = append(w.log, fmt.Sprintf("  %T%+v", action, action))
		if w.exit != nil {
			t.Fatalf("went on after its end")
		}
		switch a := action.(type) {
		case Connect:
			if w.stopped {
				t.Fatalf("waits for oras although it is stopped")
			}
			if w.connecting || w.connected || !w.settings.Tells {
				t.Fatalf("connects twice, or in vain")
			}
			w.connecting, w.asks = true, a.NeedsInputs
			if a.NeedsInputs != (w.settings.Waits && w.runs == 0 && w.failure == nil && !w.stopped) {
				t.Fatalf("asks for inputs when it must not, or does not when it must")
			}
		case Prepare:
			if w.preparing || w.settings.Waits && !w.whole {
				t.Fatalf("prepares twice at once, or too early")
			}
			w.preparing = true
		case StartProgram:
			w.runs++
			w.running = true
			if w.runs > 1 || w.stopped || w.failure != nil || w.preparing || w.nobodyBefore {
				t.Fatalf("runs the program when it must not")
			}
			if w.settings.Waits && (!w.whole || !w.checked || w.oras != listening) {
				t.Fatalf("runs the program that nobody allowed, or without its inputs")
			}
		case TellFailed:
			if !w.connected || w.failure == nil {
				t.Fatalf("tells a failure to nobody")
			}
		case HandOver:
			if !w.connected || w.running || w.runs != 1 || a.Code != w.code || a.Output && !w.settings.Wanted(w.code) {
				t.Fatalf("hands over what it must not")
			}
			w.asked = &a
		case Exit:
			w.exit = &a
		}
	}
}

func (w *world) checkExit(t *rapid.T) {
	code := w.exit.Code
	switch {
	case w.running && (w.failure == nil || !w.failure.ByOras):
		t.Fatalf("ends while its program runs")
	case w.runs == 0 && code == 0:
		t.Fatalf("succeeds without its program")
	case w.runs == 1 && w.code != 0 && code != w.code:
		t.Fatalf("hides the program's code %d behind %d", w.code, code)
	case code == 0 && w.settings.Tells && w.settings.Wanted(0) && !w.told:
		t.Fatalf("succeeds though nobody has its output")
	}
}

func gone(t *rapid.T) Gone { return Gone{Code: rapid.SampledFrom([]int{0, 181}).Draw(t, "gone")} }

type step = func(*rapid.T)

func (w *world) possible() (usual, faults []step) {
	if w.preparing {
		usual = append(usual, func(t *rapid.T) { w.preparing, w.checked = false, true; w.handle(t, Prepared{}) })
		faults = append(faults, func(t *rapid.T) {
			w.preparing = false
			w.failure = &Failed{Code: 186}
			w.handle(t, *w.failure)
		})
	}
	if w.connecting && w.oras == listening {
		usual = append(usual, func(t *rapid.T) { w.connecting, w.connected, w.greeted = false, true, false; w.handle(t, Connected{}) })
	}
	if w.connecting && w.oras == ended && w.orasGone {
		usual = append(usual, func(t *rapid.T) {
			w.connecting = false
			w.handle(t, gone(t))
		})
	}
	if w.oras == notYet || w.oras == ended && !w.orasGone {
		usual = append(usual, func(*rapid.T) { w.oras = listening; w.log = append(w.log, "oras listens") })
	}
	if w.connected && !w.settings.Waits && !w.allowed {
		// The container oras says so to every attempt.
		usual = append(usual, func(t *rapid.T) { w.allowed = true; w.handle(t, Allowed{}) })
	}
	if w.connected && w.asks && !w.whole && w.runs == 0 && w.failure == nil {
		usual = append(usual, func(t *rapid.T) { w.whole = true; w.handle(t, Allowed{}) })
		faults = append(faults,
			func(t *rapid.T) {
				w.failure = &Failed{Code: 181, ByOras: true}
				w.handle(t, *w.failure)
			},
			func(t *rapid.T) {
				// They cannot be unpacked.
				w.failure = &Failed{Code: 186}
				w.handle(t, *w.failure)
			})
	}
	if w.connected && !w.settings.Waits && !w.greeted {
		// It is said to every attempt.
		usual = append(usual, func(t *rapid.T) { w.greeted = true; w.handle(t, Allowed{}) })
	}
	if w.running {
		usual = append(usual, func(t *rapid.T) {
			w.running = false
			w.code = rapid.SampledFrom([]int{0, 1}).Draw(t, "code")
			w.handle(t, Ended{Code: w.code})
		})
		if w.failure == nil && w.connected {
			faults = append(faults, func(t *rapid.T) {
				w.failure = &Failed{Code: 181, ByOras: true}
				w.handle(t, *w.failure)
			})
		}
		if w.failure == nil {
			faults = append(faults, func(t *rapid.T) {
				w.running, w.runs, w.failure = false, 0, &Failed{Code: 127}
				w.handle(t, *w.failure)
			})
		}
	}
	if w.connected && (w.asked != nil || w.failure != nil && w.runs == 0) {
		usual = append(usual, func(t *rapid.T) { w.told = true; w.handle(t, Released{}) })
		if w.asked != nil && w.asked.Output {
			faults = append(faults, func(t *rapid.T) { w.handle(t, NotSent{"it shrank"}) })
		}
	}
	if w.oras == listening {
		faults = append(faults, func(t *rapid.T) {
			// Where the kubelet starts it again when it was killed, it may still end by itself, for good.
			w.orasGone = !w.settings.OrasComesBack || rapid.Bool().Draw(t, "orasGone")
			w.log = append(w.log, fmt.Sprintf("oras ends, for good: %v", w.orasGone))
			w.oras = ended
			w.asked = nil
			if w.connected {
				// Also in the middle of an input.
				w.connected, w.allowed, w.whole = false, false, false
				w.handle(t, Lost{})
			}
		})
	}
	if !w.running {
		faults = append(faults, func(t *rapid.T) { w.stopped = true; w.handle(t, Stopped{15}) })
	}
	return usual, faults
}
