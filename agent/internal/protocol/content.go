package protocol

import (
	"errors"
	"fmt"
	"io"
)

// ContentWriter sends the bytes of an input or output as Data. Close sends End: without it the other side drops what it
// has.
type ContentWriter struct{ to *Writer }

// Content begins an input or output, as kind says.
func (w *Writer) Content(kind Type, content Content) (*ContentWriter, error) {
	if err := w.Message(kind, content); err != nil {
		return nil, err
	}
	return &ContentWriter{to: w}, nil
}

// Write sends bytes, in as many frames as they need.
func (c *ContentWriter) Write(data []byte) (int, error) {
	written := 0
	for len(data) > 0 {
		piece := data[:min(len(data), MaxData)]
		if err := c.to.Frame(Data, piece); err != nil {
			return written, err
		}
		written += len(piece)
		data = data[len(piece):]
	}
	return written, nil
}

// Close says that the content is whole.
func (c *ContentWriter) Close() error { return c.to.Frame(End, nil) }

// ContentReader reads what a ContentWriter sends. Its end of file means that the other side said that it was whole.
type ContentReader struct {
	from  *Reader
	left  []byte
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

func (c *ContentReader) read(into []byte) (int, error) {
	for len(c.left) == 0 {
		if c.ended {
			return 0, io.EOF
		}
		kind, payload, err := c.from.Frame()
		switch {
		case errors.Is(err, io.EOF):
			return 0, ErrBrokenOff
		case err != nil:
			return 0, err
		case kind == Data:
			c.left = payload
		case kind == End && len(payload) == 0:
			c.ended = true
		case kind == Failed:
			failure, err := Decode[Failure](kind, payload)
			if err != nil {
				return 0, err
			}
			return 0, failure
		default:
			return 0, fmt.Errorf("a message of type %d came in the middle of an artifact", kind)
		}
	}
	n := copy(into, c.left)
	c.left = c.left[n:]
	return n, nil
}

// Error returns the sentence.
func (f Failure) Error() string { return f.Message }
