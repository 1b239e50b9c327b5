package scripts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/failure"
	"github.com/converged-computing/oras-operator/agent/internal/registry"
	"github.com/converged-computing/oras-operator/agent/internal/share"
)

// longest a script may be, in bytes.
const longest = 1 << 20

// pin stands before the digest that a script must have, at the end of its URL.
const pin = "#sha256="

// Fetching says how to fetch scripts.
type Fetching struct {
	// CAFile has CAs that are trusted beside the system's. It need not be there.
	CAFile string
	// Code is the exit code of failures.
	Code int
	// Say and Explain take lines for the log.
	Say, Explain func(line string)
}

// Fetch puts the script at a URL at a path, whole and as it is pinned, or not at all.
func (f Fetching) Fetch(ctx context.Context, address, path string) error {
	shown := registry.Clean(address, 300)
	cas, err := readCAs(f.CAFile)
	if err != nil {
		return failure.Wrap(err, f.Code, "the CAs in %s cannot be read: %s", f.CAFile, err)
	}
	// A server that starts with the step is waited for, as a registry is; there is no annotation for how long.
	const patience = 2 * time.Minute
	const stall = 30 * time.Second
	where, digest, isPinned := strings.Cut(address, pin)
	content, err := registry.Fetch(ctx, where, cas, longest, registry.Options{
		Timeout: patience, Stall: stall, Log: f.Say, Explain: f.Explain,
	})
	if err != nil {
		return failure.Wrap(err, f.Code, "the script %s cannot be fetched: %s", shown, err)
	}
	if sum := sha256.Sum256(content); isPinned && hex.EncodeToString(sum[:]) != digest {
		return failure.New(f.Code, "the script %s is not what its URL says: found sha256=%x; look at what has changed, and pin that", shown, sum)
	}
	f.Explain(fmt.Sprintf("script %s: %d bytes, to %s", shown, len(content), path))
	// Everybody may run it: containers of a Pod run as different users.
	if err := share.WriteWhole(path, content, 0o755); err != nil {
		return failure.Wrap(err, f.Code, "the volume of the step cannot be written: %s", err)
	}
	return nil
}

func readCAs(file string) ([]byte, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return text, err
}
