package program

import (
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
)

// Signals receives what is sent to this process. Begin with it: until then Go ends the process on most signals.
type Signals struct {
	received chan os.Signal
	// idle takes the first signal that comes while no program runs.
	idle chan syscall.Signal

	mutex sync.Mutex
	to    *Running
	first syscall.Signal
}

// notForwarded are signals that do not come from whoever stops the container. SIGCHLD tells of children, SIGURG is how
// Go's runtime interrupts its own threads, SIGPIPE is a write of this process that nobody reads; SIGTTIN and SIGTTOU are
// the terminal's answer to this process being in the background.
var notForwarded = []syscall.Signal{syscall.SIGCHLD, syscall.SIGURG, syscall.SIGPIPE, syscall.SIGTTIN, syscall.SIGTTOU}

// endNobody are signals on which a program that does not handle them is continued, stopped or left alone (signal(7)).
// They are the program's business: while there is none, they mean nothing. A runtime that freezes and thaws containers,
// or a debugger that lets go of a process, sends SIGCONT at any moment.
var endNobody = []syscall.Signal{syscall.SIGCONT, syscall.SIGTSTP, syscall.SIGWINCH}

// Receive begins to receive signals. SIGHUP and SIGINT stay ignored where this process was started with them ignored,
// and so they do for the program.
func Receive() *Signals {
	signals := &Signals{received: make(chan os.Signal, 64), idle: make(chan syscall.Signal, 1)}
	for number := syscall.Signal(1); number <= 64; number++ {
		if !signal.Ignored(number) && number != syscall.SIGKILL && number != syscall.SIGSTOP {
			signal.Notify(signals.received, number)
		}
	}
	go signals.forward()
	return signals
}

func (s *Signals) forward() {
	for received := range s.received {
		number, isNumber := received.(syscall.Signal)
		if isNumber && !slices.Contains(notForwarded, number) {
			s.deliver(number)
		}
	}
}

func (s *Signals) deliver(number syscall.Signal) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.to != nil {
		s.to.Signal(number)
		return
	}
	if slices.Contains(endNobody, number) {
		return
	}
	if s.first == 0 {
		s.first = number
	}
	select {
	case s.idle <- number:
	default:
		// One is enough to end what is done.
	}
}

// Idle receives a signal that came while no program ran, and that would have ended it.
func (s *Signals) Idle() <-chan syscall.Signal { return s.idle }

// ForwardTo starts a program that gets every signal from now on, unless one came before that would have ended it: then
// it returns that signal, and start is not called.
func (s *Signals) ForwardTo(start func() (*Running, error)) (*Running, syscall.Signal, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.first != 0 {
		return nil, s.first, nil
	}
	running, err := start()
	if err == nil {
		s.to = running
	}
	return running, 0, err
}

// Ended says that the program has ended: signals go to Idle again.
func (s *Signals) Ended() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.to = nil
}
