package program

import "os/signal"

// Close stops receiving, for tests that go on in the same process; what was ended by default is ended so again.
func (s *Signals) Close() {
	signal.Stop(s.received)
	close(s.received)
}
