package failure_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/converged-computing/oras-operator/agent/internal/failure"
)

func terminated(t *testing.T, message string, code int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "message")
	failure.Terminate(path, message, code)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTerminationMessages(t *testing.T) {
	if got := terminated(t, "it failed", 187); got != "it failed (exit code 187)" {
		t.Errorf("%q", got)
	}
	if got := terminated(t, `{"digest":"x"}`, 0); got != `{"digest":"x"}` {
		t.Errorf("%q", got)
	}
	// However long it is, the code stays, and no character is cut in two.
	for _, letter := range []string{"x", "é", "日", "🦩"} {
		got := terminated(t, "begins "+strings.Repeat(letter, 1000), 187)
		if len(got) > 1023 || len(got) < 1019 || !strings.HasPrefix(got, "begins ") || !strings.HasSuffix(got, letter+" (exit code 187)") || !utf8.ValidString(got) {
			t.Errorf("%d bytes, %q", len(got), got[max(0, len(got)-30):])
		}
	}
}

// Names of files and words of registries are anybody's.
func TestNothingThatATerminalObeysIsTold(t *testing.T) {
	const hostile = "a\nb\r\x1b[31mred\x00\x7f\u202egnp.exe\u2066\xff\x9b"
	var log bytes.Buffer
	failure.Log{To: &log}.Say("%s", hostile)
	for _, got := range []string{strings.TrimSuffix(log.String(), "\n"), terminated(t, hostile, 0)} {
		if !strings.HasSuffix(got, "a b??[31mred???gnp.exe???") {
			t.Errorf("%q", got)
		}
	}
}

func TestTheProgramsOwnMessageStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "message")
	if err := os.WriteFile(path, []byte("the program's"), 0o644); err != nil {
		t.Fatal(err)
	}
	failure.Terminate(path, "ours", 1)
	if text, _ := os.ReadFile(path); string(text) != "the program's" {
		t.Errorf("%q", text)
	}
}

func TestHowLongSomethingTook(t *testing.T) {
	for took, want := range map[time.Duration]string{
		0: "less than a second", 99 * time.Millisecond: "less than a second", 100 * time.Millisecond: "0.1 s",
		time.Second: "1.0 s", 125 * time.Second: "125.0 s",
	} {
		if got := failure.Took(took); got != want {
			t.Errorf("%s: %q", took, got)
		}
	}
}
