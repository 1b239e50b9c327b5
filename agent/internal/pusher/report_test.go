package pusher

import (
	"testing"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/registry"
)

// A registry that is away holds up a step that has failed for a moment, and not as long as one that has an output to push.
func TestHowLongAFailedStepWaitsForItsRegistry(t *testing.T) {
	t.Parallel()
	for timeout, want := range map[time.Duration]time.Duration{
		0: reportPatience, time.Second: time.Second, 5 * time.Minute: reportPatience, 24 * time.Hour: reportPatience,
	} {
		got := impatient(registry.Options{Timeout: timeout, Stall: timeout})
		if got.Timeout != want || got.Stall != want {
			t.Errorf("%s: %s and %s, want %s", timeout, got.Timeout, got.Stall, want)
		}
	}
}
