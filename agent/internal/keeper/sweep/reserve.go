package sweep

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/layout"
)

// reserve is more than the folders of a trash take: even these do not fit on a volume that is full.
const reserve = 2 << 20

func reserveOf(data string) string { return filepath.Join(layout.Own(data), "reserve") }

// Reserve keeps room for a pass on the volume, as far as there is any.
func Reserve(data string) {
	path := reserveOf(data)
	if info, err := os.Lstat(path); err == nil && info.Size() == reserve {
		return
	}
	if os.MkdirAll(layout.Own(data), 0o700) != nil || os.WriteFile(path, make([]byte, reserve), 0o600) != nil {
		// Half of it would be in the way of others.
		_ = os.Remove(path)
	}
}

// release gives the room away.
func (p *Pass) release() {
	p.change("release")
	_ = os.Remove(reserveOf(p.Data))
}

func isFull(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }
