// Package scripts is the original's protocol: a step in which a script of the author's own takes the place of the program
// that runs in the wrapped container, or of the one that pulls and pushes. The two meet in a folder (share.Scripts), and
// wait for files in it.
package scripts

import (
	"context"
	"errors"
	"os"
	"time"
)

// Pauses between two looks for a file.
const (
	firstPause   = 10 * time.Millisecond
	longestPause = 500 * time.Millisecond
)

// await waits for a file. It has to look again and again: who makes it says nothing else, and runtimes such as gVisor and
// Kata do not tell one container (inotify) what another writes.
func await(ctx context.Context, path string) error {
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
