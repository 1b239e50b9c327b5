// Package inputs brings a step's inputs from the registry to where its program expects them: through the share, by an
// init container that pulls and a launcher that unpacks, or over the connection of the launcher, without a copy.
package inputs

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"

	"github.com/converged-computing/oras-operator/agent/internal/share"
)

// Input is one that was pulled.
type Input struct {
	// Reference as its author wrote it, with the digest that its tag stood for.
	Reference string `json:"reference"`
	Digest    string `json:"digest"`
	Layers    []Layer
}

// Layer is a file or directory of an input, whose blob lies beside the list.
type Layer struct {
	// Blob is the name of the blob's file.
	Blob   string `json:"blob"`
	Digest string `json:"digest"`
	Size   int64  `json:"size"`
	// Title is the path below the target; empty for a directory's contents.
	Title string `json:"title"`
	// Archive says that the blob is a tar to be unpacked.
	Archive bool        `json:"archive,omitempty"`
	Mode    os.FileMode `json:"mode"`
}

// list is the name of the file that says what there is. It is written last: who finds it finds everything.
const list = "inputs.json"

func writeList(folder string, inputs []Input) error {
	return writeJSON(filepath.Join(folder, list), inputs)
}

// writeJSON writes a file that every user may read.
func writeJSON(path string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return share.WriteWhole(path, text, 0o644)
}

// WriteDigests keeps what the tags of the inputs stood for: it stands on what is made of them.
func WriteDigests(path string, inputs []Input) error {
	digests := make([]string, len(inputs))
	for i, input := range inputs {
		digests[i] = input.Digest
	}
	return writeJSON(path, digests)
}

// ReadDigests reads what WriteDigests kept; nothing where there was no input.
func ReadDigests(path string) ([]string, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var digests []string
	return digests, json.Unmarshal(text, &digests)
}

func readList(folder string) ([]Input, error) {
	text, err := os.ReadFile(filepath.Join(folder, list))
	if err != nil {
		return nil, err
	}
	var inputs []Input
	return inputs, json.Unmarshal(text, &inputs)
}
