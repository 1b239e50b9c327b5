package protocol

import (
	"errors"
	"fmt"
	"io"
)

// ContentWriter sends the bytes of an input or output as Data, in frames that are as long as may be: an output of many
// small files has several writes for each of them. Close sends End: without it the other side drops what it has.
type ContentWriter struct {
	to *Writer
	// frame has room for the header, then what was not sent yet.
	frame []byte
}

// Content begins an input or output, as kind says.
func (w *Writer) Content(kind Type, content Content) (*ContentWriter, error) {
	if err := w.Message(kind, content); err != nil {
		return nil, err
	}
	return &ContentWriter{to: w, frame: make([]byte, headerLength, headerLength+MaxData)}, nil
}

// Write takes bytes, and sends them when they fill a frame.
func (c *ContentWriter) Write(data []byte) (int, error) {
	taken := 0
	for taken < len(data) {
		n := copy(c.frame[len(c.frame):cap(c.frame)], data[taken:])
		c.frame = c.frame[:len(c.frame)+n]
		taken += n
		if err := c.sendFull(); err != nil {
			return taken, err
		}
	}
	return taken, nil
}

// ReadFrom takes bytes without a copy in between; io.Copy uses it.
func (c *ContentWriter) ReadFrom(from io.Reader) (int64, error) {
	taken := int64(0)
	for {
		n, err := from.Read(c.frame[len(c.frame):cap(c.frame)])
		c.frame = c.frame[:len(c.frame)+n]
		taken += int64(n)
		if failed := c.sendFull(); failed != nil {
			return taken, failed
		}
		if err == io.EOF {
			return taken, nil
		}
		if err != nil {
			return taken, err
		}
	}
}

func (c *ContentWriter) sendFull() error {
	if len(c.frame) < cap(c.frame) {
		return nil
	}
	return c.send()
}

func (c *ContentWriter) send() error {
	frame := c.frame
	c.frame = c.frame[:headerLength]
	if len(frame) == headerLength {
		return nil
	}
	return c.to.write(Data, frame)
}

// Close sends what is left, and says that the content is whole.
func (c *ContentWriter) Close() error {
	if err := c.send(); err != nil {
		return err
	}
	return c.to.Frame(End, nil)
}

// ContentReader reads what a ContentWriter sends. Its end of file means that the other side said that it was whole.
type ContentReader struct {
	from *Reader
	// left of the frame that is being read, in bytes.
	left  int
	ended bool
	err   error
}

// Content reads the bytes after an Input or Output. Nothing else may be read from r until its end of file.
func (r *Reader) Content() *ContentReader { return &ContentReader{from: r} }

// Read returns the next bytes. A connection that ends before End is ErrBrokenOff, also between two frames. A message
// Failed in between is returned as an error of type Failure.
func (c *ContentReader) Read(into []byte) (int, error) {
	n, err := c.read(into)
	if err != nil && err != io.EOF {
		c.err = err
	}
	return n, err
}

// Err is the error that Read has returned, if it was one: it tells a reader's error from a writer's.
func (c *ContentReader) Err() error { return c.err }

// read reads from the connection into what it is given, without a copy in between.
func (c *ContentReader) read(into []byte) (int, error) {
	if len(into) == 0 {
		return 0, nil
	}
	for {
		for c.left == 0 {
			if c.ended {
				return 0, io.EOF
			}
			if err := c.next(); err != nil {
				return 0, err
			}
		}
		n, err := c.from.from.Read(into[:min(len(into), c.left)])
		c.left -= n
		switch {
		case n > 0:
			return n, nil // an error that came with it comes again
		case err == io.EOF:
			return 0, ErrBrokenOff
		case err != nil:
			return 0, err
		}
	}
}

// next reads up to the next bytes or the end.
func (c *ContentReader) next() error {
	kind, length, err := c.from.head()
	switch {
	case errors.Is(err, io.EOF):
		return ErrBrokenOff
	case err != nil:
		return err
	case kind == Data:
		c.left = length
		return nil
	case kind == End && length == 0:
		c.ended = true
		return nil
	case kind == Failed:
		payload, err := c.from.payload(length)
		if err != nil {
			return err
		}
		failure, err := Decode[Failure](kind, payload)
		if err != nil {
			return err
		}
		return failure
	}
	return fmt.Errorf("a message of type %d came in the middle of an artifact", kind)
}

// Error returns the sentence.
func (f Failure) Error() string { return f.Message }
