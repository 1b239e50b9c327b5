package failure

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// LongestMessage is the longest termination message. The kubelet keeps 4 KiB of a container and 12 KiB of a Pod
// (kubernetes.io, "Determine the Reason for Pod Failure").
const LongestMessage = 1023

// Log writes lines for the container's log.
type Log struct {
	To io.Writer
	// Debug says that it explains what is done.
	Debug bool
}

// Explain writes one line for who looks for the cause of something. It holds no secrets: no queries of URLs, no arguments
// and no variables of the program.
func (l Log) Explain(format string, args ...any) {
	if l.Debug {
		l.Say("debug: "+format, args...)
	}
}

// Say writes one line.
func (l Log) Say(format string, args ...any) {
	_, _ = fmt.Fprintf(l.To, "oras: %s\n", line(fmt.Sprintf(format, args...)))
}

// Took is how long something took, as logs and messages say it: nothing takes 0.0 s.
func Took(took time.Duration) string {
	if took < 100*time.Millisecond {
		return "less than a second"
	}
	return fmt.Sprintf("%.1f s", took.Seconds())
}

// line is text in one line, without what a terminal would obey: names of files and words of registries are anybody's.
func line(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return ' '
		case unicode.IsControl(r), r == utf8.RuneError, unicode.Is(unicode.Bidi_Control, r):
			return '?'
		}
		return r
	}, text)
}

// Terminate writes a termination message, unless the program has written one. A failure's ends with its code.
func Terminate(path, message string, code int) {
	if message == "" || path == "" {
		return
	}
	if info, err := os.Stat(path); err == nil && info.Size() > 0 {
		return
	}
	message = line(message)
	end := ""
	if code != 0 {
		end = fmt.Sprintf(" (exit code %d)", code)
	}
	if most := LongestMessage - len(end); len(message) > most {
		message = strings.ToValidUTF8(message[:most], "")
	}
	// Where it cannot be written, the log has it.
	_ = os.WriteFile(path, []byte(message+end), 0o644)
}

// WithEnd returns a message with an end that it keeps where both are too long for a termination message.
func WithEnd(message, end string) string {
	const code = len(" (exit code 255)")
	if most := LongestMessage - code - len(end); end != "" && len(message) > most {
		message = strings.ToValidUTF8(message[:max(most, 0)], "")
	}
	return message + end
}
