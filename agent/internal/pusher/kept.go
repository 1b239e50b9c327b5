package pusher

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/compress"
	"github.com/converged-computing/oras-operator/agent/internal/artifact/manifest"
	"github.com/converged-computing/oras-operator/agent/internal/protocol"
	"github.com/converged-computing/oras-operator/agent/internal/share"
)

// Names below the folder of a launcher.
const (
	resultFile = "result.json"
	blobFile   = "blob"
	logFile    = "log"
	servedFile = "served"
)

// copyPiece is how much is copied at once, where a writer does not read by itself.
const copyPiece = 256 << 10

// folder keeps what one launcher has handed over. Its result is written last and removed first: while it is there, so is
// the rest.
type folder string

// stored is what the result's file holds.
type stored struct {
	Result Result         `json:"result"`
	Part   *manifest.Part `json:"part,omitempty"`
	// ahead sends the part's blob already, or is nil.
	ahead *ahead
}

// open makes the folder, and returns what an earlier life of this container has kept in it, nil if nothing.
func (f folder) open() (*stored, error) {
	if err := os.MkdirAll(string(f), 0o700); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(string(f), resultFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var found stored
	return &found, json.Unmarshal(text, &found)
}

func (f folder) write(s stored) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return share.WriteWhole(filepath.Join(string(f), resultFile), text, 0o600)
}

// forget removes the result, and that there was an attempt. The blob goes when the next one comes: it may be under way already.
func (f folder) forget() error { return errors.Join(f.remove(resultFile), f.unmarkServed()) }

func (f folder) unmarkServed() error { return f.remove(servedFile) }

func (f folder) remove(name string) error {
	err := os.Remove(filepath.Join(string(f), name))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// markServed keeps that an attempt was let go on, for a later life of this container, to which it connects again.
func (f folder) markServed() error {
	return share.WriteWhole(filepath.Join(string(f), servedFile), nil, 0o600)
}

func (f folder) wasServed() bool {
	_, err := os.Stat(filepath.Join(string(f), servedFile))
	return err == nil
}

func (f folder) log() string { return filepath.Join(string(f), logFile) }

func (f folder) blob() string { return filepath.Join(string(f), blobFile) }

// receive packs what a launcher sends into the blob of its layer. A large one is passed to send, which reads it while it
// grows.
func (f folder) receive(ctx context.Context, content protocol.Content, method compress.Method, from io.Reader, send func(io.ReadCloser)) (part *manifest.Part, err error) {
	file, err := os.OpenFile(f.blob(), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if !content.Directory {
		method = compress.Plain
	}
	blob := newGrowing(file, aheadFrom, send)
	defer func() { blob.end(err) }()
	writer, err := compress.NewWriter(ctx, blob, method, runtime.GOMAXPROCS(0))
	if err != nil {
		return nil, err
	}
	_, err = io.CopyBuffer(writer, from, make([]byte, copyPiece))
	// Also after an error, to end its goroutines.
	if err = errors.Join(err, writer.Close()); err != nil {
		return nil, err
	}
	return &manifest.Part{
		Title: content.Title, Directory: content.Directory, Mode: os.FileMode(content.Mode),
		Method: method, Result: writer.Result(),
	}, file.Close()
}
