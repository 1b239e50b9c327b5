package inputs

import (
	"errors"
	"fmt"
	"strings"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/names"
	"github.com/converged-computing/oras-operator/agent/internal/reference"
)

// Words of a decision on an input, besides a digest.
const (
	byTag = "tag"
	waits = "wait"
)

const allowedWords = "allowed is sha256: with 64 characters of 0-9 and a-f, " + byTag + ", or " + waits

// Pin applies what was decided on the inputs: one word for each, in their order, separated by commas. A digest is pulled
// from the repository that the input itself names, so that no word can name another one; `tag` says that the input is
// pulled by its reference, and `wait` that it is waited for. Without a word nothing was decided, and all are waited for.
//
// It returns the references to pull, and which of them are waited for. The error names everything that is wrong with text.
func Pin(references []reference.Reference, text string) (pinned []reference.Reference, awaited []bool, err error) {
	pinned, awaited = append(pinned, references...), make([]bool, len(references))
	if text == "" {
		for i := range awaited {
			awaited[i] = true
		}
		return pinned, awaited, nil
	}
	words := strings.Split(text, ",")
	var problems []string
	if len(words) != len(references) {
		problems = append(problems, fmt.Sprintf("found %d words separated by commas, and the step has %d inputs; allowed is one word for each", len(words), len(references)))
	}
	for i, word := range words {
		switch {
		case word == byTag:
		case word == waits:
			if i < len(awaited) {
				awaited[i] = true
			}
		case !reference.IsDigest(word):
			problems = append(problems, fmt.Sprintf("word %d: found %q; %s", i+1, names.Printable(word), allowedWords))
		case i >= len(pinned):
		case pinned[i].Digest != "" && pinned[i].Digest != word:
			problems = append(problems, fmt.Sprintf("word %d: found %s, and the input names the digest %s itself; allowed is that one, %s, or %s", i+1, word, pinned[i].Digest, byTag, waits))
		default:
			pinned[i].Digest = word
		}
	}
	if len(problems) > 0 {
		return nil, nil, errors.New(strings.Join(problems, "; "))
	}
	return pinned, awaited, nil
}
