package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// peakVariable names the file that a container of a test writes its largest memory to.
const peakVariable = "TEST_PEAK"

// tellPeak writes the most memory that this process held (VmHWM of proc(5), kB). What wait4(2) tells of a child includes
// its parent's, from before exec(2).
func tellPeak() {
	path := os.Getenv(peakVariable)
	if path == "" {
		return
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		panic(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	peak, _, _ := strings.Cut(rest, "kB")
	if err := os.WriteFile(path, []byte(strings.TrimSpace(peak)), 0o600); err != nil {
		panic(err)
	}
}

// watchMemory makes a container that is not started yet tell its peak.
func (c *container) watchMemory() {
	c.peak = filepath.Join(c.t.TempDir(), "peak")
	c.Env = append(c.Env, peakVariable+"="+c.peak)
}

// stayedBelow checks the memory of a container that has ended, in MiB.
func (c *container) stayedBelow(t *testing.T, most int) {
	t.Helper()
	if hasRaceDetector {
		return
	}
	text, err := os.ReadFile(c.peak)
	must(t, err)
	peak, err := strconv.Atoi(string(text))
	must(t, err)
	if peak>>10 >= most {
		t.Errorf("it held %d MiB, not less than %d", peak>>10, most)
	}
}
