package protocol

import (
	"encoding/json"
	"fmt"
	"strings"
)

// What the two sides say. Payloads are JSON, but for Data.
const (
	// Hello is the first message of a launcher.
	Hello Type = iota + 1
	// Welcome is the first message of oras.
	Welcome
	// Failed ends the attempt, from either side: both containers end with this code and sentence.
	Failed
	// Input begins an input: what follows as Data, until End, is its content.
	Input
	// Data is a piece of an input or of an output.
	Data
	// End ends an input or an output. After it the other side may take it as whole.
	End
	// Run lets the program start: every input is whole and verified, and the output may be pushed.
	Run
	// Started says that the program runs.
	Started
	// Ended says how the program ended.
	Ended
	// Output begins the output: what follows as Data, until End, is its content.
	Output
	// Nothing says instead that there will be no output of this attempt.
	Nothing
	// Taken says that oras has all it needs from the launcher, which may end now.
	Taken
	// Log begins the end of what a program has printed that failed: what follows as Data, until End. It comes after Ended.
	Log
)

// Greeting is the payload of Hello and Welcome.
type Greeting struct {
	Protocol int `json:"protocol"`
	// Attempt names an attempt of the program. The launcher says it again when the container oras has been restarted.
	Attempt string `json:"attempt,omitempty"`
	// NeedsInputs says that the launcher waits for its inputs, and for Run.
	NeedsInputs bool `json:"needsInputs,omitempty"`
}

// Failure is the payload of Failed.
type Failure struct {
	// Code is the exit code of the container that says it, from the documented table.
	Code int `json:"code"`
	// Message is a sentence for the author.
	Message string `json:"message"`
}

// Content is the payload of Input and Output: what the bytes are.
type Content struct {
	// Title is the name that it has in its artifact: of a file, of a directory, or "." for the content of one.
	Title string `json:"title"`
	// Directory says that the bytes are a tar to be unpacked, of an input compressed as in its blob; else they are one file.
	Directory bool `json:"directory,omitempty"`
	// Mode is the permission of a file, such as 0o755; 0 where it is not known.
	Mode uint32 `json:"mode,omitempty"`
	// Size is that of an input's blob, in bytes.
	Size int64 `json:"size,omitempty"`
	// Digest is that of an input's blob. Who sends End has verified it.
	Digest string `json:"digest,omitempty"`
}

// Verdict is the payload of Ended.
type Verdict struct {
	// Code is the exit code of the program, 128+n after signal n.
	Code int `json:"code"`
}

// Reason is the payload of Nothing.
type Reason struct {
	// Message says why an output that was asked for is missing; empty where none was asked for.
	Message string `json:"message,omitempty"`
}

// longestSentence is what always fits into a message: in JSON a byte becomes six at most.
const longestSentence = MaxMessage / 8

// sentence cuts one that is longer, between characters. The other side would wait for a message that was not sent.
func sentence(text string) string {
	if len(text) <= longestSentence {
		return text
	}
	return strings.ToValidUTF8(text[:longestSentence], "") + "…"
}

// Message writes a message with its payload; nil where it has none.
func (w *Writer) Message(kind Type, payload any) error {
	switch p := payload.(type) {
	case nil:
		return w.Frame(kind, nil)
	case Failure:
		p.Message = sentence(p.Message)
		payload = p
	case Reason:
		p.Message = sentence(p.Message)
		payload = p
	}
	text, err := json.Marshal(payload)
	if err != nil {
		return err
	}
	return w.Frame(kind, text)
}

// Decode reads the payload of a message.
func Decode[T any](kind Type, payload []byte) (T, error) {
	var value T
	if err := json.Unmarshal(payload, &value); err != nil {
		return value, fmt.Errorf("message of type %d: %w", kind, err)
	}
	return value, nil
}
