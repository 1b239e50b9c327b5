package testprogram

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) { os.Exit(Main(m)) }

// leaves runs a program that ends before what it has started.
func leaves(t *testing.T, script string, environment ...string) {
	t.Helper()
	command := exec.Command("sh", "-c", script)
	command.Env = append(os.Environ(), environment...)
	if err := command.Run(); err != nil {
		t.Fatal(err)
	}
}

const mine = "TEST_LEFT=mine"

func TestWhatAProgramLeavesIsEnded(t *testing.T) {
	leaves(t, "sh -c 'sleep 600 & wait' & sleep 600 & setsid sleep 600 &", mine)
	EndAll(mine)
	if found := children(); len(found) > 0 {
		t.Errorf("still there: %v", found)
	}
}

func TestWhatTestsLeaveIsToldAndEnded(t *testing.T) {
	leaves(t, "sleep 599 & true")
	EndAll(mine)
	told := strings.Join(left(time.Now()), "\n")
	if !strings.Contains(told, "sleep 599") || len(children()) > 0 {
		t.Errorf("told %q, still there: %v", told, children())
	}
}
