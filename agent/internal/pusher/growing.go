package pusher

import (
	"io"
	"os"
	"sync"
)

// growing is a file that is read while it is written.
type growing struct {
	file *os.File

	mutex   sync.Mutex
	changed *sync.Cond
	size    int64
	// ended is why no more will come: io.EOF when the file is whole.
	ended error

	// large is called once, with a reader, when the file has so many bytes.
	most  int64
	large func(io.ReadCloser)
}

// newGrowing writes to a file that is empty.
func newGrowing(file *os.File, most int64, large func(io.ReadCloser)) *growing {
	g := &growing{file: file, most: most, large: large}
	g.changed = sync.NewCond(&g.mutex)
	return g
}

// Write appends.
func (g *growing) Write(p []byte) (int, error) {
	n, err := g.file.Write(p)
	g.mutex.Lock()
	g.size += int64(n)
	size := g.size
	g.mutex.Unlock()
	g.changed.Broadcast()
	if size >= g.most && g.large != nil {
		if reader, err := g.follow(); err == nil {
			g.large(reader)
		}
		g.large = nil
	}
	return n, err
}

// end says that no more will come, because of err or, without one, because the file is whole.
func (g *growing) end(err error) {
	if err == nil {
		err = io.EOF
	}
	g.mutex.Lock()
	g.ended = err
	g.mutex.Unlock()
	g.changed.Broadcast()
}

// follow returns a reader of the file from its beginning, which waits for what is not written yet.
func (g *growing) follow() (*follower, error) {
	file, err := os.Open(g.file.Name())
	if err != nil {
		return nil, err
	}
	return &follower{of: g, file: file}, nil
}

// follower reads a growing file. It is for one goroutine; any may close it, which ends a Read that waits.
type follower struct {
	of     *growing
	file   *os.File
	offset int64
	closed bool // guarded by of.mutex
}

// wait returns how many bytes can be read on, or why there will be none.
func (f *follower) wait() (int64, error) {
	g := f.of
	g.mutex.Lock()
	defer g.mutex.Unlock()
	for g.size == f.offset && g.ended == nil && !f.closed {
		g.changed.Wait()
	}
	switch {
	case f.closed:
		return 0, os.ErrClosed
	case g.size > f.offset:
		return g.size - f.offset, nil
	}
	return 0, g.ended
}

// Read reads on.
func (f *follower) Read(into []byte) (int, error) {
	left, err := f.wait()
	if err != nil {
		return 0, err
	}
	n, err := f.file.ReadAt(into[:min(int64(len(into)), left)], f.offset)
	f.offset += int64(n)
	if n > 0 {
		err = nil
	}
	return n, err
}

// WriteTo writes on up to the end, in pieces larger than those of io.Copy.
func (f *follower) WriteTo(to io.Writer) (int64, error) {
	return io.CopyBuffer(to, struct{ io.Reader }{f}, make([]byte, copyPiece))
}

// Close ends the reader.
func (f *follower) Close() error {
	f.of.mutex.Lock()
	f.closed = true
	f.of.mutex.Unlock()
	f.of.changed.Broadcast()
	return f.file.Close()
}
