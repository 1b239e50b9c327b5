// Package source tells an error of reading from one of what is done with the bytes: io.Copy and decoders return both alike.
package source

import "io"

// Reader passes on what it reads and remembers why it could not read on.
type Reader struct {
	From io.Reader
	// Err is the error that From has returned, but for io.EOF.
	Err error
}

// Read reads on.
func (r *Reader) Read(into []byte) (int, error) {
	n, err := r.From.Read(into)
	if err != nil && err != io.EOF {
		r.Err = err
	}
	return n, err
}
