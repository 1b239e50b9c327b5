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
	if err := os.WriteFile(path, []byte(strconv.Itoa(memoryOf("self", "VmHWM:"))), 0o600); err != nil {
		panic(err)
	}
}

// memoryOf reads a line of a process's status (proc_pid_status(5)), in kB.
func memoryOf(process, line string) int {
	status, err := os.ReadFile("/proc/" + process + "/status")
	if err != nil {
		panic(err)
	}
	_, rest, _ := strings.Cut(string(status), line)
	text, _, _ := strings.Cut(rest, "kB")
	found, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		panic(err)
	}
	return found
}

// anonymous is the memory that a container holds and that is no file's, in MiB.
func (c *container) anonymous() int { return memoryOf(strconv.Itoa(c.Process.Pid), "RssAnon:") >> 10 }

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
