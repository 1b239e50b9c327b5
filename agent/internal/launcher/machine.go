// Package launcher is process 1 of a wrapped container: it unpacks the step's inputs, runs the program, and hands its
// output to the container oras.
//
// What it decides is in Machine, which is pure: events in, actions out. Everything else carries actions out.
package launcher

// Settings are what the machine has to know of its step.
type Settings struct {
	// Unpacks says that inputs lie on the share and are unpacked from there.
	Unpacks bool
	// Waits says that inputs come from the container oras, and that the program must not start before it allows that.
	Waits bool
	// Tells says that there is a container oras that has to know how the program ended.
	Tells bool
	// OrasComesBack says that the kubelet may start the container oras again when it has ended.
	OrasComesBack bool
	// Wanted says whether the end of the program, by its exit code, asks for its output.
	Wanted func(code int) bool
	// NobodyThere and OutputFailed are exit codes of the documented table.
	NobodyThere, OutputFailed int
}

type phase int

const (
	// preparing: inputs are unpacked, paths checked.
	preparing phase = iota
	// running: the program runs.
	running
	// handingOver: it has ended, or will not run, and the container oras has to hear of it.
	handingOver
	// released: the container oras needs nothing more.
	released
	// over: this process ends.
	over
)

type connection int

const (
	// none is wanted or can be had.
	none connection = iota
	// trying to connect.
	trying
	// connected to the container oras.
	connected
)

// Machine decides. It is not safe for several goroutines.
type Machine struct {
	settings   Settings
	phase      phase
	connection connection
	// preparing says that a Prepare is under way, prepared that the inputs are unpacked and the paths checked.
	preparing, prepared bool
	// allowed says that the container oras lets the program run.
	allowed bool
	// nobody says that the container oras has ended for good.
	nobody bool
	// failure is why the program does not run.
	failure *Failed
	// code is how the program ended.
	code int
	// problem says why the output is missing.
	problem string
	// isStopped says that a signal came while the end of the program was told.
	isStopped bool
}

// Event is something that happened; see the types with the method event.
type Event interface{ event() }

// Connected: the container oras has answered the greeting.
type Connected struct{}

// Lost: the connection ended.
type Lost struct{}

// Gone: somebody has listened, and nobody does any more or will.
type Gone struct {
	// Code and Message are why no program can run any more, where that is known: another attempt ends as the one before.
	Code    int
	Message string
}

// Prepared: the inputs that lie on the share are unpacked, if there are any, and the paths are checked.
type Prepared struct{}

// Allowed: the inputs are whole, and the output may be pushed.
type Allowed struct{}

// Failed: something before the program cannot work. The container oras has said it, or this one has found it. A program
// that runs already, because it did not have to wait, ends with it.
type Failed struct {
	Code    int
	Message string
	// ByOras says that the container oras knows it already.
	ByOras bool
}

// Ended: the program has ended.
type Ended struct {
	Code int
	// Problem says why its output is not whole; empty when it is, as far as is known yet.
	Problem string
}

// NotSent: the output could not be packed.
type NotSent struct{ Problem string }

// Released: the container oras needs nothing more.
type Released struct{}

// Stopped: a signal came while no program ran.
type Stopped struct{ Signal int }

func (Connected) event() {}
func (Lost) event()      {}
func (Gone) event()      {}
func (Prepared) event()  {}
func (Allowed) event()   {}
func (Failed) event()    {}
func (Ended) event()     {}
func (NotSent) event()   {}
func (Released) event()  {}
func (Stopped) event()   {}

// Action is something to do; see the types with the method action.
type Action interface{ action() }

// Connect tries to connect until it succeeds or nobody is there; answered by Connected or Gone.
type Connect struct {
	// NeedsInputs asks the container oras for the inputs.
	NeedsInputs bool
}

// Prepare unpacks what lies on the share and checks the paths; answered by Prepared or Failed.
type Prepare struct{}

// StartProgram starts the program; answered by Ended, or by Failed when it cannot be started.
type StartProgram struct{}

// TellFailed says to the container oras that the program does not run; answered by Released or Lost.
type TellFailed struct{ Code int }

// HandOver says how the program ended and sends its output, if it is wanted; answered by Released, NotSent or Lost.
type HandOver struct {
	Code int
	// Output says that the output is to be sent.
	Output bool
	// Problem says why an output that was wanted is missing.
	Problem string
}

// Say is a line for the log.
type Say struct{ Text string }

// SayLater is a line for the log if what is waited for does not come soon.
type SayLater struct{ Text string }

// Exit ends this process, with a termination message if there is one.
type Exit struct {
	Code    int
	Message string
}

func (Connect) action()      {}
func (Prepare) action()      {}
func (StartProgram) action() {}
func (TellFailed) action()   {}
func (HandOver) action()     {}
func (Say) action()          {}
func (SayLater) action()     {}
func (Exit) action()         {}

// NewMachine returns a machine and what to do first.
func NewMachine(settings Settings) (*Machine, []Action) {
	m := &Machine{settings: settings, allowed: !settings.Waits}
	actions := m.connect()
	if settings.Unpacks || !settings.Waits {
		return m, append(actions, m.prepare()...)
	}
	return m, append(actions, SayLater{"waiting for the container oras, which brings the inputs and allows the program to run"})
}

func (m *Machine) connect() []Action {
	if !m.settings.Tells || m.nobody {
		return nil
	}
	m.connection = trying
	return []Action{Connect{NeedsInputs: m.settings.Waits && m.phase == preparing}}
}

// prepare is not begun twice at once: a connection may be lost, and the inputs come again, meanwhile.
func (m *Machine) prepare() []Action {
	if m.preparing {
		return nil
	}
	m.preparing = true
	return []Action{Prepare{}}
}

// Handle takes an event and returns what is to be done, in this order. After an Exit there is nothing more to do.
func (m *Machine) Handle(event Event) []Action {
	if m.phase == over {
		return nil
	}
	switch e := event.(type) {
	case Connected:
		return m.isConnected()
	case Lost:
		return m.isLost()
	case Gone:
		return m.isGone(e)
	case Prepared:
		m.preparing, m.prepared = false, true
		return m.run()
	case Allowed:
		m.allowed = true
		if m.settings.Waits && !m.settings.Unpacks && m.phase == preparing && !m.prepared {
			// The inputs have come over the connection, so the paths can be checked now.
			return m.prepare()
		}
		return m.run()
	case Failed:
		return m.failed(e)
	case Ended:
		m.phase, m.code, m.problem = handingOver, e.Code, e.Problem
		return m.handOver()
	case NotSent:
		m.problem = e.Problem
		return m.handOver()
	case Released:
		m.phase = released
		return m.exit()
	case Stopped:
		return m.stopped(e)
	}
	return nil
}

func (m *Machine) isConnected() []Action {
	m.connection = connected
	switch {
	case m.phase == handingOver:
		return m.handOver()
	case m.phase == preparing && m.settings.Waits:
		return []Action{SayLater{"waiting for the inputs; the container oras says in its log what it waits for"}}
	}
	return nil
}

// isLost: the container oras was killed, or restarted. Another life of it begins where this one was.
func (m *Machine) isLost() []Action {
	m.connection = none
	if m.phase == preparing && m.settings.Waits {
		// Its inputs come again, whole.
		m.prepared, m.allowed = false, false
	}
	if !m.settings.OrasComesBack || m.isStopped {
		return m.isGone(Gone{})
	}
	return append([]Action{Say{"the container oras has ended; waiting for it to be restarted"}}, m.connect()...)
}

// isGone: nobody will take the output. A program that runs already is not stopped for it.
func (m *Machine) isGone(e Gone) []Action {
	m.connection = none
	m.nobody = true
	switch {
	case m.phase == preparing && e.Code != 0:
		m.phase = over
		return []Action{Exit(e)}
	case m.phase == preparing:
		m.phase = over
		return []Action{Exit{m.settings.NobodyThere, "the container oras has ended, and nothing starts it again; the program was not run"}}
	case m.phase == handingOver:
		return m.handOver()
	}
	return nil
}

func (m *Machine) run() []Action {
	if m.phase != preparing || !m.prepared || !m.allowed {
		return nil
	}
	m.phase = running
	return []Action{StartProgram{}}
}

func (m *Machine) failed(e Failed) []Action {
	switch {
	case m.phase == handingOver && m.failure == nil:
		// It could not take the output.
		m.problem = e.Message
		return m.exit()
	case e.ByOras || m.phase == handingOver:
		m.failure = &e
		return m.exit()
	}
	m.phase, m.failure = handingOver, &e
	return m.handOver()
}

// handOver tells the container oras of the end, as soon as it can be told: it would wait for a program.
func (m *Machine) handOver() []Action {
	switch {
	case !m.settings.Tells || m.nobody:
		return m.exit()
	case m.connection != connected:
		return []Action{SayLater{"waiting for the container oras, which has to know the end of this one"}}
	case m.failure != nil:
		return []Action{TellFailed{m.failure.Code}}
	}
	isWanted := m.settings.Wanted(m.code)
	handOver := HandOver{Code: m.code, Output: isWanted && m.problem == ""}
	if isWanted {
		handOver.Problem = m.problem
	}
	return []Action{handOver}
}

// stopped: a signal before the program ends this process as it would end the program. After it, the grace period is for
// finishing; but nobody is waited for.
func (m *Machine) stopped(e Stopped) []Action {
	const signalled = 128
	switch {
	case m.phase == preparing:
		m.phase = over
		return []Action{Exit{signalled + e.Signal, ""}}
	case m.phase == handingOver && m.connection != connected:
		return m.exit()
	case m.phase == handingOver && !m.isStopped:
		m.isStopped = true
		return []Action{Say{"stopped; the container oras may still take what there is, but no other start of it is waited for"}}
	}
	return nil
}

// exit ends with the program's code; a success whose output is missing is none.
func (m *Machine) exit() []Action {
	released := m.phase == released
	m.phase = over
	if m.failure != nil {
		return []Action{Exit{m.failure.Code, m.failure.Message}}
	}
	if m.settings.Tells && !released && m.problem == "" && m.settings.Wanted(m.code) {
		m.problem = "the container oras has not taken it"
		if m.nobody {
			m.problem = "the container oras has ended, and nothing starts it again"
		}
	}
	if m.code == 0 && m.problem != "" {
		return []Action{Exit{m.settings.OutputFailed, "the program ended with success, but its output could not be handed over: " + m.problem}}
	}
	if m.problem != "" {
		// The program's code is the verdict; that the output is missing too is told beside it.
		return []Action{Say{"error: the output could not be handed over: " + m.problem}, Exit{Code: m.code}}
	}
	return []Action{Exit{Code: m.code}}
}
