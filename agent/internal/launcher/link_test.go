package launcher

import (
	"testing"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/share"
)

// Whoever is waited for can come: what the kubelet does after each end of the container oras.
func TestAnOrasThatCannotComeIsNotWaitedFor(t *testing.T) {
	const long = restartTime + time.Second
	notFound := share.End{Code: 181, Message: "no such input"}
	final := share.End{Code: 190, Final: true}
	never, anyEnd, failures := func(int) bool { return false }, func(int) bool { return true }, func(code int) bool { return code != 0 && code != 181 }
	for name, c := range map[string]struct {
		comesBack bool
		restarts  func(int) bool
		end       *share.End
		since     time.Duration
		want      *Gone
	}{
		"Never":                                       {false, anyEnd, nil, 0, &Gone{}},
		"Never, with its words":                       {false, anyEnd, &notFound, 0, &Gone{181, "no such input"}},
		"OnFailure, killed":                           {true, anyEnd, nil, long, nil},
		"OnFailure, a push failed":                    {true, anyEnd, &share.End{Code: 190}, long, nil},
		"OnFailure, it has done its part":             {true, anyEnd, &share.End{Final: true}, 0, &Gone{}},
		"Always, it was stopped between two attempts": {true, anyEnd, &share.End{}, long, nil},
		"the step failed for all":                     {true, anyEnd, &final, 0, &Gone{}},
		"serving, Never, killed":                      {true, never, nil, 0, nil},
		"serving, Never, killed long ago":             {true, never, nil, long, &Gone{}},
		"serving, Never, ended":                       {true, never, &share.End{}, 0, &Gone{}},
		"serving, OnFailure, killed":                  {true, failures, nil, long, nil},
		"serving, OnFailure, a push failed":           {true, failures, &share.End{Code: 190}, long, nil},
		"serving, OnFailure, it has done its part":    {true, failures, &share.End{Final: true}, 0, &Gone{}},
		"serving, OnFailure, an input failed":         {true, failures, &notFound, 0, &Gone{181, "no such input"}},
	} {
		r := &runner{Options: Options{
			Settings: Settings{Tells: true, OrasComesBack: c.comesBack}, OrasRestartsAfter: c.restarts,
			OrasEnded: func() *share.End { return c.end },
		}}
		got := r.goneFor(c.since)
		if (got == nil) != (c.want == nil) || got != nil && *got != *c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}
