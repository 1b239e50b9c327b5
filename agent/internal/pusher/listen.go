package pusher

import (
	"context"
	"errors"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/converged-computing/oras-operator/agent/internal/share"
)

// Listening is the container oras as the launchers find it. Nothing is answered before Run.
type Listening struct {
	share     share.Root
	listeners []*net.UnixListener
	signals   chan os.Signal
}

// Listen begins to receive signals and, for each of so many launchers, to listen. The first launcher's socket is the last:
// who finds it finds the others.
func Listen(root share.Root, containers int) (*Listening, error) {
	l := &Listening{share: root, listeners: make([]*net.UnixListener, containers), signals: make(chan os.Signal, 1)}
	signal.Notify(l.signals, syscall.SIGTERM, syscall.SIGINT)
	for number := containers - 1; number >= 0; number-- {
		listener, err := listenAt(root.Part(number).Socket())
		if err != nil {
			l.close()
			return nil, err
		}
		l.listeners[number] = listener
	}
	return l, nil
}

func (l *Listening) close() {
	for _, listener := range l.listeners {
		if listener != nil {
			_ = listener.Close()
		}
	}
}

// acceptAll serves the launchers until the end.
func (r *runner) acceptAll(l *Listening) {
	context.AfterFunc(r.ctx, l.close)
	for number, listener := range l.listeners {
		r.work.Go(func() { r.accept(number, listener) })
	}
}

// listenAt listens on a socket at path, in place of that of an earlier life. Between bind(2) and listen(2) a socket
// refuses connections as one does that nobody listens on any more, so it is made beside path and renamed. The file
// outlives this process: it tells the launcher that somebody has listened.
func listenAt(path string) (*net.UnixListener, error) {
	beside := path + "-"
	if err := os.Remove(beside); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: beside, Net: "unix"})
	if err != nil {
		return nil, err
	}
	listener.SetUnlinkOnClose(false)
	// The program may run as any user.
	err = os.Chmod(beside, 0o666)
	if err == nil {
		err = os.Rename(beside, path)
	}
	if err != nil {
		_ = listener.Close()
		_ = os.Remove(beside)
		return nil, err
	}
	return listener, nil
}
