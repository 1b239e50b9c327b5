package unpack

import (
	"context"
	"errors"
	"io"
	"sync"
)

const (
	batchItems = 64
	batchBytes = 256 << 10
	// chunkBytes is the piece in which larger files are passed on.
	chunkBytes  = 256 << 10
	chunkNumber = 4
)

// batch is work in one directory. Its arena holds the content of its files.
type batch struct {
	directory *directory
	in        place // where the directory's new entries are
	items     []item
	arena     []byte
}

// crew is the workers of one input. Everything in one directory goes to the same worker, in order: two in one directory
// would wait for its lock in the kernel, and the last of several entries of one name must win.
type crew struct {
	target  *Target
	ctx     context.Context
	cancel  context.CancelCauseFunc
	free    chan *batch
	queues  []chan *batch
	chunks  chan []byte
	running sync.WaitGroup
	open    *batch // being filled

	mutex  sync.Mutex
	failed error
	order  int64
}

var errFailed = errors.New("unpack: a worker failed")

func newCrew(ctx context.Context, t *Target) *crew {
	workers := t.options.Workers
	batches := 2*workers + 1
	c := &crew{target: t, free: make(chan *batch, batches), chunks: make(chan []byte, chunkNumber)}
	c.ctx, c.cancel = context.WithCancelCause(ctx)
	for range batches {
		c.free <- &batch{}
	}
	for range chunkNumber {
		c.chunks <- nil
	}
	for range workers {
		queue := make(chan *batch, batches)
		c.queues = append(c.queues, queue)
		c.running.Go(func() { c.work(queue) })
	}
	return c
}

func (c *crew) work(queue chan *batch) {
	for b := range queue {
		if c.ctx.Err() == nil {
			if order, err := c.target.writeAll(b, c.recycle); err != nil {
				c.fail(order, err)
			}
		}
		for i := range b.items {
			if chunks := b.items[i].chunks; chunks != nil {
				for chunk := range chunks { // what a failure left
					c.recycle(chunk)
				}
			}
		}
		clear(b.items)
		b.items, b.arena = b.items[:0], b.arena[:0]
		c.free <- b
	}
}

func (c *crew) recycle(chunk []byte) { c.chunks <- chunk }

// fail keeps the failure of the earliest entry.
func (c *crew) fail(order int64, err error) {
	c.mutex.Lock()
	if c.failed == nil || order < c.order {
		c.failed, c.order = err, order
	}
	c.mutex.Unlock()
	c.cancel(errFailed)
}

// finish waits for the workers. An error of theirs comes before that of the caller, who may have been stopped by it.
func (c *crew) finish(err error) error {
	c.flush()
	for _, queue := range c.queues {
		close(queue)
	}
	c.running.Wait()
	if c.failed != nil {
		err = c.failed
	}
	if err == nil {
		err = ended(c.ctx) // workers leave work undone then
	}
	c.cancel(nil)
	return err
}

func (c *crew) flush() {
	if c.open == nil {
		return
	}
	b := c.open
	c.open = nil
	if len(b.items) == 0 {
		c.free <- b
		return
	}
	c.queues[b.directory.number%len(c.queues)] <- b
}

// room returns the batch of a directory with room for so many bytes.
func (c *crew) room(d *directory, bytes int) (*batch, error) {
	if b := c.open; b != nil && (b.directory != d || len(b.items) == batchItems || len(b.arena)+bytes > batchBytes) {
		c.flush()
	}
	if c.open != nil {
		return c.open, nil
	}
	in, err := c.target.fresh(d)
	if err != nil {
		return nil, err
	}
	select {
	case b := <-c.free:
		if cap(b.arena) == 0 && bytes > 0 {
			b.arena = make([]byte, 0, batchBytes)
		}
		b.directory, b.in = d, in
		c.open = b
		return b, nil
	case <-c.ctx.Done():
		return nil, context.Cause(c.ctx)
	}
}

// link passes a symbolic link on.
func (c *crew) link(d *directory, it item) error {
	b, err := c.room(d, 0)
	if err != nil {
		return err
	}
	b.items = append(b.items, it)
	return nil
}

// file reads size bytes of content and passes them on.
func (c *crew) file(d *directory, it item, content io.Reader, size int64) error {
	if size > batchBytes/2 {
		return c.stream(d, it, content, size)
	}
	b, err := c.room(d, int(size))
	if err != nil {
		return err
	}
	if cap(b.arena) == 0 && size > 0 {
		b.arena = make([]byte, 0, batchBytes)
	}
	at := len(b.arena)
	b.arena = b.arena[:at+int(size)]
	it.data = b.arena[at:len(b.arena):len(b.arena)]
	if _, err := io.ReadFull(content, it.data); err != nil {
		return err
	}
	b.items = append(b.items, it)
	return nil
}

// stream passes a larger file on piece by piece, while the worker writes.
func (c *crew) stream(d *directory, it item, content io.Reader, size int64) error {
	c.flush()
	b, err := c.room(d, 0)
	if err != nil {
		return err
	}
	chunks := make(chan []byte, chunkNumber)
	defer close(chunks)
	it.chunks, it.size = chunks, size
	b.items = append(b.items, it)
	c.flush()
	for size > 0 {
		var chunk []byte
		select {
		case chunk = <-c.chunks:
		case <-c.ctx.Done():
			return context.Cause(c.ctx)
		}
		if chunk == nil {
			chunk = make([]byte, chunkBytes)
		}
		chunk = chunk[:min(size, chunkBytes)]
		if _, err := io.ReadFull(content, chunk); err != nil {
			c.recycle(chunk[:cap(chunk)])
			return err
		}
		size -= int64(len(chunk))
		chunks <- chunk // as many as there are chunks fit
	}
	return nil
}
