package compress

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"sync"
)

// inflated is a member on its way back: read by the splitter, inflated by a worker, passed on in order. The last one
// carries the error that ended the stream, io.EOF included, or the serial reader that goes on.
type inflated struct {
	member  []byte
	content []byte
	err     error
	rest    *serialReader
	done    chan struct{}
}

// memberReader inflates members that carry their length on all workers. From the first one that does not, the rest is
// read as one stream: any concatenation of gzip is gzip.
type memberReader struct {
	ctx     context.Context
	cancel  context.CancelFunc
	free    chan *inflated
	work    chan *inflated
	order   chan *inflated
	running sync.WaitGroup

	current *inflated
	unread  []byte
	rest    *serialReader
	err     error
}

func newMemberReader(ctx context.Context, source *bufio.Reader, workers int) *memberReader {
	ctx, cancel := context.WithCancel(ctx)
	blocks := workers + 2
	r := &memberReader{
		ctx: ctx, cancel: cancel,
		free: make(chan *inflated, blocks), work: make(chan *inflated, blocks), order: make(chan *inflated, blocks),
	}
	for range blocks {
		r.free <- &inflated{done: make(chan struct{}, 1)}
	}
	for range workers {
		r.running.Go(r.inflateAll)
	}
	r.running.Go(func() { r.split(source) })
	return r
}

func (r *memberReader) inflateAll() {
	var d inflater
	for b := range r.work {
		if b.content == nil {
			b.content = make([]byte, 0, memberContent)
		}
		content, err := d.inflate(b.content, b.member)
		if err != nil {
			b.err = err
		} else {
			b.content = content
		}
		b.done <- struct{}{}
	}
}

// split reads member by member. It alone reads the source, until it hands it to the serial reader and ends.
func (r *memberReader) split(source *bufio.Reader) {
	defer close(r.work)
	defer close(r.order)
	for {
		var b *inflated
		select {
		case b = <-r.free:
		case <-r.ctx.Done():
			return
		}
		last := r.next(source, b)
		r.order <- b
		if last {
			b.done <- struct{}{}
			return
		}
		r.work <- b
	}
}

// next fills b and tells whether it is the last.
func (r *memberReader) next(source *bufio.Reader, b *inflated) bool {
	header, err := source.Peek(headerSize)
	if err != nil && err != io.EOF || len(header) == 0 {
		b.err = err
		return true
	}
	length, ours := memberLength(header)
	if !ours {
		b.rest, b.err = newGzipReader(source)
		return true
	}
	if cap(b.member) < length {
		b.member = make([]byte, memberMost)
	}
	b.member = b.member[:length]
	if _, err := io.ReadFull(source, b.member); err != nil {
		if err == io.ErrUnexpectedEOF {
			err = fmt.Errorf("%w: it ends early", ErrCorrupt)
		}
		b.err = err
		return true
	}
	return false
}

func (r *memberReader) Read(p []byte) (int, error) {
	for {
		switch {
		case r.err != nil:
			return 0, r.err
		case len(r.unread) > 0:
			n := copy(p, r.unread)
			r.unread = r.unread[n:]
			return n, nil
		case r.rest != nil:
			if r.ctx.Err() != nil {
				return 0, context.Cause(r.ctx)
			}
			return r.rest.Read(p)
		}
		r.advance()
	}
}

// advance waits for the next block in order.
func (r *memberReader) advance() {
	if r.current != nil {
		r.free <- r.current
		r.current = nil
	}
	select {
	case b, open := <-r.order:
		if !open {
			r.err = context.Cause(r.ctx)
			return
		}
		<-b.done
		r.current, r.err, r.rest = b, b.err, b.rest
		if b.err == nil && b.rest == nil {
			r.unread = b.content
		}
	case <-r.ctx.Done():
		r.err = context.Cause(r.ctx)
	}
}

// Close ends the goroutines and waits for them.
func (r *memberReader) Close() error {
	r.cancel()
	r.running.Wait()
	if r.rest != nil {
		return r.rest.Close()
	}
	return nil
}
