package inputs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/failure"
	"github.com/converged-computing/oras-operator/agent/internal/reference"
	"github.com/converged-computing/oras-operator/agent/internal/registry"
)

func waitIn(began string, timeout time.Duration, say func(string, ...any)) *wait {
	return &wait{Source: Source{Waiting: Waiting{Timeout: timeout, Began: began, NeverCame: 194}, SetupCode: 185, Say: say}}
}

func silent(string, ...any) {}

func TestALaterLifeGoesOnWaiting(t *testing.T) {
	const timeout = time.Hour
	for name, c := range map[string]struct {
		kept   string
		isOver bool
		anew   bool
	}{
		"nothing is kept":           {anew: true},
		"not over":                  {kept: time.Now().Add(-timeout / 2).Format(time.RFC3339Nano)},
		"over":                      {kept: time.Now().Add(-2 * timeout).Format(time.RFC3339Nano), isOver: true},
		"a clock that was put back": {kept: time.Now().Add(timeout).Format(time.RFC3339Nano), anew: true},
		"half a file":               {kept: "2026-01-", anew: true},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "waiting")
			if c.kept != "" {
				if err := os.WriteFile(path, []byte(c.kept), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			before := time.Now()
			w := waitIn(path, timeout, silent)
			if err := w.begin(t.Context()); err != nil {
				t.Fatal(err)
			}
			if w.isOver() != c.isOver || w.began.Before(before) == c.anew {
				t.Errorf("over: %v, began at %s", w.isOver(), w.began)
			}
			next := waitIn(path, timeout, silent)
			if err := next.begin(t.Context()); err != nil || !next.began.Equal(w.began) {
				t.Errorf("the next life counts from %s, this one from %s (%v)", next.began, w.began, err)
			}
			if err := w.end(); err != nil {
				t.Error(err)
			}
			if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
				t.Error("what comes later counts from the same time:", err)
			}
		})
	}
}

func TestAWaitWithoutATimeoutIsNeverOver(t *testing.T) {
	w := waitIn("", 0, silent)
	if w.began = time.Now().Add(-1000 * time.Hour); w.isOver() {
		t.Error("it is over")
	}
}

func TestAVolumeThatCannotBeWrittenIsTold(t *testing.T) {
	err := waitIn(filepath.Join(t.TempDir(), "no", "folder"), 0, silent).begin(t.Context())
	if found := failure.As(err); found == nil || found.Code != 185 {
		t.Error(err)
	}
}

// missingInputs are inputs that a test waits for.
func missingInputs(t *testing.T, count int) []absent {
	missing := make([]absent, count)
	for i := range missing {
		ref := reference.Reference{Host: "cache:5000", PlainHTTP: true, Repository: "runs/" + strings.Repeat("long-", 20), Tag: fmt.Sprint(i)}
		repository, err := registry.Open(ref, registry.Options{})
		if err != nil {
			t.Fatal(err)
		}
		missing[i] = absent{i, repository, errors.New("it is not there")}
	}
	return missing
}

func TestAWaitIsCalm(t *testing.T) {
	var said []string
	w := waitIn("", time.Hour, func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) })
	w.began = time.Now()
	missing := missingInputs(t, 2)
	for range 10 {
		w.tell(missing)
	}
	if len(said) != 2 || !strings.HasPrefix(said[1], "waiting for up to 1h for input 2, cache:5000/runs/") || !strings.HasSuffix(said[1], ": it is not there") {
		t.Fatalf("says %q", said)
	}
	for range 2 {
		w.told = w.told.Add(-remindTime)
		for range 10 {
			w.tell(missing[1:])
		}
	}
	if len(said) != 4 || !strings.HasPrefix(said[3], "still waiting after ") || strings.Contains(said[3], "input 1") {
		t.Errorf("says %q", said)
	}
}

// A termination message has room for a few names, and for why.
func TestManyInputsThatNeverCame(t *testing.T) {
	w := waitIn("", time.Minute, silent)
	w.began = time.Now().Add(-time.Minute)
	for count, says := range map[int]string{1: "; of input 1: it is not there", 3: "; input 3, ", 100: " more; of input 1: it is not there"} {
		message := w.neverCame(missingInputs(t, count)).Error()
		if len(message) > 900 || !strings.Contains(message, says) || !strings.HasPrefix(message, "waited 1m (") {
			t.Errorf("%d inputs: %d bytes, %q", count, len(message), message)
		}
	}
}
