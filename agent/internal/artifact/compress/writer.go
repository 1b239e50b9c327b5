package compress

import (
	"context"
	"errors"
	"io"
	"sync"
)

// block is a member on its way: filled by Write, deflated by a worker, hashed and written in order.
type block struct {
	content  []byte
	member   []byte
	err      error
	deflated chan struct{}
	hashed   chan struct{}
}

func newBlock() *block {
	return &block{
		content:  make([]byte, 0, memberContent),
		deflated: make(chan struct{}, 1),
		hashed:   make(chan struct{}, 1),
	}
}

// memberWriter passes blocks to the workers, to the goroutine that hashes the content and to the one that writes. Each
// block is in one place only, and there are few: that bounds the memory, and no send ever waits.
type memberWriter struct {
	ctx     context.Context
	cancel  context.CancelCauseFunc
	out     io.Writer
	method  Method
	workers int

	current *block
	made    int // blocks
	free    chan *block
	work    chan *block
	hash    chan *block
	order   chan *block
	running sync.WaitGroup
	started bool
	closed  bool

	content *digester
	blob    *digester
}

func newMemberWriter(ctx context.Context, out io.Writer, method Method, workers int) *memberWriter {
	ctx, cancel := context.WithCancelCause(ctx)
	blocks := workers + 2
	return &memberWriter{
		ctx: ctx, cancel: cancel, out: out, method: method, workers: workers,
		free: make(chan *block, blocks), work: make(chan *block, blocks),
		hash: make(chan *block, blocks), order: make(chan *block, blocks),
		content: newDigester(), blob: newDigester(),
	}
}

var errClosed = errors.New("compress: the writer is closed")

// Write takes content.
func (w *memberWriter) Write(p []byte) (int, error) {
	if w.closed {
		return 0, errClosed
	}
	taken := 0
	for taken < len(p) {
		if err := w.room(); err != nil {
			return taken, err
		}
		n := min(len(p)-taken, memberContent-len(w.current.content))
		w.current.content = append(w.current.content, p[taken:taken+n]...)
		taken += n
		w.flushFull()
	}
	return taken, nil
}

// ReadFrom takes content without a copy in between; io.Copy uses it.
func (w *memberWriter) ReadFrom(r io.Reader) (int64, error) {
	if w.closed {
		return 0, errClosed
	}
	var taken int64
	for {
		if err := w.room(); err != nil {
			return taken, err
		}
		at := len(w.current.content)
		n, err := r.Read(w.current.content[at:memberContent])
		w.current.content = w.current.content[:at+n]
		taken += int64(n)
		w.flushFull()
		if err == io.EOF {
			return taken, nil
		}
		if err != nil {
			return taken, err
		}
	}
}

// room sees to it that there is a block that is not full.
func (w *memberWriter) room() error {
	if w.ctx.Err() != nil {
		return context.Cause(w.ctx)
	}
	if w.current != nil {
		return nil
	}
	if len(w.free) == 0 && w.made < cap(w.free) {
		w.made++
		w.current = newBlock()
		return nil
	}
	select {
	case w.current = <-w.free:
		return nil
	case <-w.ctx.Done():
		return context.Cause(w.ctx)
	}
}

func (w *memberWriter) flushFull() {
	if len(w.current.content) == memberContent {
		w.flush()
	}
}

func (w *memberWriter) flush() {
	if !w.started {
		w.start()
	}
	b := w.current
	w.current = nil
	w.hash <- b
	w.order <- b
	w.work <- b
}

// start is late: most artifacts are smaller than one member and need one worker.
func (w *memberWriter) start() {
	w.started = true
	for range w.workers {
		w.running.Go(w.deflateAll)
	}
	w.running.Go(w.hashAll)
	w.running.Go(w.writeAll)
}

func (w *memberWriter) deflateAll() {
	d := newDeflater(w.method)
	for b := range w.work {
		b.member, b.err = d.appendMember(b.member[:0], b.content)
		b.deflated <- struct{}{}
	}
}

func (w *memberWriter) hashAll() {
	for b := range w.hash {
		w.content.Write(b.content)
		b.hashed <- struct{}{}
	}
}

// writeAll goes on after an error, without writing, so that every block comes back.
func (w *memberWriter) writeAll() {
	for b := range w.order {
		<-b.deflated
		if b.err != nil {
			w.cancel(b.err)
		}
		if w.ctx.Err() == nil {
			w.blob.Write(b.member)
			if _, err := w.out.Write(b.member); err != nil {
				w.cancel(err)
			}
		}
		<-b.hashed
		b.content = b.content[:0]
		w.free <- b
	}
}

// Close writes the last member and waits for the goroutines. Nothing at all becomes one empty member, as RFC 1952 needs
// at least one.
func (w *memberWriter) Close() error {
	if w.closed {
		return errClosed
	}
	w.closed = true
	if w.ctx.Err() == nil && (w.current != nil && len(w.current.content) > 0 || !w.started) {
		if err := w.room(); err == nil {
			if !w.started {
				w.workers = 1
			}
			w.flush()
		}
	}
	close(w.work)
	close(w.hash)
	close(w.order)
	w.running.Wait()
	err := w.ctx.Err()
	if err != nil {
		err = context.Cause(w.ctx)
	}
	w.cancel(errClosed)
	return err
}

func (w *memberWriter) Result() Result {
	return Result{Content: w.content.sum(), Blob: w.blob.sum()}
}
