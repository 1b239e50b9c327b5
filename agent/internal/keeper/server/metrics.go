package server

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/mirror"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/serving"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/usage"
)

// Metrics are the keeper's own and the registry's, whose address also has a profiler and so is nobody else's.
type Metrics struct {
	Volume *usage.Volume
	// Sweeps says that there is something that can be swept.
	Sweeps bool
	// Registry is the URL of the registry's metrics.
	Registry string
	// Mirror is nil where nothing is copied.
	Mirror *mirror.Mirror

	mu                               sync.Mutex
	passes, failures, blobs, putBack int
	freed                            int64
	seconds, succeeded               float64
	serving                          serving.State
}

func (m *Metrics) serves(state serving.State) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.serving = state
}

// swept counts a pass.
func (m *Metrics) swept(last *Last) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if last.DryRun {
		return
	}
	m.passes++
	m.blobs += last.Swept
	m.putBack += last.PutBack
	m.freed += last.Freed
	m.seconds = last.Seconds
	if last.Failure != "" {
		m.failures++
		return
	}
	m.succeeded = float64(time.Now().Unix())
}

const (
	longestMetrics = 4 << 20
	metricsWithin  = 5 * time.Second
)

// Handler answers on the port of the metrics, with nothing else.
func (m *Metrics) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", m.write)
	return mux
}

// write writes the text format of Prometheus.
func (m *Metrics) write(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	to := bufio.NewWriter(w)
	defer to.Flush()
	m.mu.Lock()
	if until := m.serving.NotAfter; !until.IsZero() {
		gauge(to, "orascache_certificate_expiry_timestamp_seconds", "When the registry's certificate ends.", float64(until.Unix()))
	}
	m.mu.Unlock()
	if m.Volume != nil {
		m.writeVolume(to)
	}
	if m.Sweeps {
		m.writeSweeps(to)
	}
	m.mirrored(to, time.Now())
	m.relay(r.Context(), to)
}

func (m *Metrics) writeVolume(to io.Writer) {
	if space, err := m.Volume.Space(); err == nil {
		gauge(to, "orascache_capacity_bytes", "What the registry's volume takes.", float64(space.Capacity))
		gauge(to, "orascache_used_bytes", "What of it is used.", float64(space.Used))
		gauge(to, "orascache_free_bytes", "What can still be pushed.", float64(space.Free))
	}
}

func (m *Metrics) writeSweeps(to io.Writer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	counter(to, "orascache_sweep_passes_total", "Passes of the sweep.", float64(m.passes))
	counter(to, "orascache_sweep_failures_total", "Passes that failed.", float64(m.failures))
	counter(to, "orascache_sweep_blobs_total", "Blobs that went to the trash.", float64(m.blobs))
	counter(to, "orascache_sweep_put_back_total", "Blobs and links that came back from the trash.", float64(m.putBack))
	counter(to, "orascache_sweep_freed_bytes_total", "What emptying the trash has freed.", float64(m.freed))
	gauge(to, "orascache_sweep_seconds", "How long the last pass took.", m.seconds)
	gauge(to, "orascache_sweep_last_success_timestamp_seconds", "When a pass last succeeded; 0 before the first.", m.succeeded)
}

func (m *Metrics) mirrored(to io.Writer, now time.Time) {
	if m.Mirror == nil {
		return
	}
	status := m.Mirror.Status()
	lag := 0.0
	if status.Oldest != nil {
		lag = max(now.Sub(*status.Oldest).Seconds(), 0)
	}
	gauge(to, "orascache_mirror_lag_seconds", "Since when the first tag waits to be mirrored; 0 where none does. With spec.mirrorTo.", lag)
	gauge(to, "orascache_mirror_pending", "Tags that wait to be mirrored.", float64(status.Pending))
	gauge(to, "orascache_mirror_refused", "Tags that could not be mirrored when they were last tried.", float64(status.Refused))
	counter(to, "orascache_mirror_copied_total", "Tags that are in the other registry, copied or found there.", float64(status.Copied))
	counter(to, "orascache_mirror_failures_total", "Tries that failed.", float64(status.Failures))
}

// relay adds the registry's.
func (m *Metrics) relay(ctx context.Context, to io.Writer) {
	ctx, cancel := context.WithTimeout(ctx, metricsWithin)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, m.Registry, nil)
	if err != nil {
		return
	}
	request.Header.Set("Accept", "text/plain;version=0.0.4")
	answered, err := http.DefaultClient.Do(request)
	if err != nil {
		return
	}
	defer answered.Body.Close()
	if answered.StatusCode == http.StatusOK {
		_, _ = io.Copy(to, io.LimitReader(answered.Body, longestMetrics))
	}
}

func gauge(to io.Writer, name, help string, value float64) { metric(to, name, help, "gauge", value) }
func counter(to io.Writer, name, help string, value float64) {
	metric(to, name, help, "counter", value)
}

func metric(to io.Writer, name, help, kind string, value float64) {
	_, _ = fmt.Fprintf(to, "# HELP %s %s\n# TYPE %s %s\n%s %g\n", name, help, name, kind, name, value)
}
