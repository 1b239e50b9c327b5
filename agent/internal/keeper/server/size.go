package server

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/bucket"
)

const (
	// measuredEvery is how often a folder is listed to tell how much is in it: S3 wants money for each thousand objects.
	measuredEvery = time.Hour
	// measuredAgain is when that is tried again after it failed.
	measuredAgain = 10 * time.Minute
	// firstWithin is how long the first report waits for numbers: the next one is minutes away.
	firstWithin = 10 * time.Second
)

// measured is what is known of how much is in a folder of a bucket.
type measured struct {
	size    bucket.Size
	at      time.Time
	tried   time.Time
	problem string
	// isOld: much was deleted since.
	isOld bool
	// runs is closed when what runs has ended; nil while nothing does.
	runs chan struct{}
}

func (m *measured) isDue(now time.Time) bool {
	pause := measuredEvery
	if m.problem != "" {
		pause = measuredAgain
	}
	return m.runs == nil && (m.isOld || m.tried.IsZero() || now.Sub(m.tried) >= pause)
}

// measure begins to measure the folder if it is time, and returns what is closed at the end; nil where nothing runs.
func (k *Keeper) measure(ctx context.Context, now time.Time) <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.measured.isDue(now) {
		return k.measured.runs
	}
	runs := make(chan struct{})
	k.measured.runs, k.measured.tried, k.measured.isOld = runs, now, false
	k.sweeps.Go(func() {
		defer close(runs)
		size, err := bucket.SizeOf(ctx, k.Bucket.Client)
		k.mu.Lock()
		defer k.mu.Unlock()
		k.measured.runs = nil
		if err != nil {
			if text := "how much is in the folder of the bucket cannot be counted: " + err.Error(); text != k.measured.problem && ctx.Err() == nil {
				k.measured.problem = text
				k.Say("%s", text)
			}
			return
		}
		k.measured.size, k.measured.at, k.measured.problem = size, now, ""
	})
	return runs
}

// reportBucket tells what is known, and has it counted again if that was long ago.
func (k *Keeper) reportBucket(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	runs := k.measure(ctx, time.Now())
	k.mu.Lock()
	isKnown := !k.measured.at.IsZero() || k.measured.problem != ""
	k.mu.Unlock()
	if runs != nil && !isKnown {
		select {
		case <-runs:
		case <-ctx.Done():
		case <-time.After(firstWithin):
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	var known *bucketSize
	if !k.measured.at.IsZero() {
		known = &bucketSize{k.measured.size, k.measured.at.UTC()}
		known.Artifacts -= known.Entries(memoOf(r))
	}
	_ = json.NewEncoder(w).Encode(struct {
		*bucketSize
		Problem string `json:"problem,omitempty"`

		served

		Sweeping bool  `json:"sweeping"`
		LastPass *Last `json:"lastPass,omitempty"`
	}{known, k.measured.problem, k.served(), k.running, k.last})
}

// bucketSize is how much was in the folder at a time.
type bucketSize struct {
	bucket.Size
	Measured time.Time `json:"measured"`
}
