package program_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// asProcess1 makes a command the first process of a PID namespace, as in a container.
func asProcess1(t *testing.T, script string, arguments ...string) (code int, stdout string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root may make a PID namespace")
	}
	command := launched(t, append([]string{"sh", "-c", script}, arguments...)...)
	command.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	code, stdout, stderr := outcome(t, command)
	if stderr != "" {
		t.Log(stderr)
	}
	return code, stdout
}

func TestOrphansAreReaped(t *testing.T) {
	orphan := filepath.Join(t.TempDir(), "orphan")
	// A zombie can still be sent signals: this ends only when it is reaped.
	code, stdout := asProcess1(t, `sh -c 'sleep 0.01 & echo $! > "$0"' "$0"; while kill -0 $(cat "$0") 2>/dev/null; do :; done; echo reaped`, orphan)
	if code != 0 || stdout != "reaped\n" {
		t.Errorf("exit code %d, wrote %q", code, stdout)
	}
}

// art-23, inj-16: the program is not process 1, and what it sends to all does not come back to it.
func TestASignalToAllDoesNotComeBack(t *testing.T) {
	code, stdout := asProcess1(t, "trap 'echo once' TERM; kill -TERM -1; echo end; exit 3")
	// kill(2) leaves out process 1 and, on Linux, the sender.
	if code != 3 || stdout != "end\n" {
		t.Errorf("exit code %d, wrote %q", code, stdout)
	}
}

func TestTheTerminalIsThePrograms(t *testing.T) {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip(err)
	}
	defer master.Close()
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	terminal, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	command := sh(t, "trap 'n=$((n+1)); echo interrupted $n' INT; tty >/dev/tty && echo ready; read word; echo \"read $word\"")
	command.Stdin, command.Stdout, command.Stderr = terminal, terminal, terminal
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	_ = terminal.Close()
	seen := ""
	waitFor := func(text string) {
		buffer := make([]byte, 256)
		for !strings.Contains(seen, text) {
			n, err := master.Read(buffer)
			if err != nil {
				t.Fatalf("%v after %q", err, seen)
			}
			seen += string(buffer[:n])
		}
	}
	waitFor("ready")
	// What the key Ctrl-C sends.
	if _, err := master.Write([]byte{3}); err != nil {
		t.Fatal(err)
	}
	waitFor("interrupted 1")
	if _, err := master.Write([]byte("word\n")); err != nil {
		t.Fatal(err)
	}
	_ = command.Wait()
	if strings.Contains(seen, "interrupted 2") {
		t.Errorf("the signal came twice: %q", seen)
	}
}
