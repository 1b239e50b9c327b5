// Package protocol is what the launcher in a wrapped container and the container oras say to each other, over a unix
// socket on the share. A connection is one attempt of the program.
//
// Every message is a frame: one byte that says what it is, four bytes with the length of what follows (big endian), and
// that. A frame that breaks off is never taken for a whole one.
package protocol

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
)

// Version is told in the first message of both sides. They come from the same image, but for a Pod that was injected by
// one release of the operator and restarts a container with the image of another.
const Version = 1

// Type says what a frame is.
type Type byte

// MaxMessage is the longest frame of any type but Data, in bytes: names of files are at most 4 KiB, sentences shorter.
const MaxMessage = 64 << 10

// MaxData is the longest piece of an input or an output, in bytes.
const MaxData = 256 << 10

const headerLength = 5

// ErrBrokenOff says that the other side ended in the middle of a frame: it was killed.
var ErrBrokenOff = errors.New("the connection broke off in the middle of a message")

// ErrTooLong says that the other side announced a longer frame than this protocol has: it speaks another one.
var ErrTooLong = errors.New("the other side sends longer messages than this protocol has")

// Writer writes frames. Several goroutines may use it: each frame is whole.
type Writer struct {
	mutex  sync.Mutex
	to     io.Writer
	header [headerLength]byte
}

// NewWriter returns a Writer of frames to a connection.
func NewWriter(to io.Writer) *Writer { return &Writer{to: to} }

// Frame writes one frame.
func (w *Writer) Frame(kind Type, payload []byte) error {
	if limit := kind.limit(); len(payload) > limit {
		return fmt.Errorf("%w: %d bytes of type %d, at most %d", ErrTooLong, len(payload), kind, limit)
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.header[0] = byte(kind)
	binary.BigEndian.PutUint32(w.header[1:], uint32(len(payload)))
	if _, err := w.to.Write(w.header[:]); err != nil {
		return err
	}
	if len(payload) == 0 {
		return nil
	}
	_, err := w.to.Write(payload)
	return err
}

// Reader reads frames. It is not safe for several goroutines.
type Reader struct {
	from   io.Reader
	header [headerLength]byte
	buffer []byte
}

// NewReader returns a Reader of frames from a connection.
func NewReader(from io.Reader) *Reader { return &Reader{from: from} }

// Frame reads one frame. The payload is valid until the next call. At the end of the connection, between two frames, the
// error is io.EOF; within one it is ErrBrokenOff.
func (r *Reader) Frame() (Type, []byte, error) {
	if _, err := io.ReadFull(r.from, r.header[:]); err != nil {
		return 0, nil, brokenOff(err)
	}
	kind := Type(r.header[0])
	length := binary.BigEndian.Uint32(r.header[1:])
	if limit := kind.limit(); int64(length) > int64(limit) {
		return 0, nil, fmt.Errorf("%w: %d bytes of type %d, at most %d", ErrTooLong, length, kind, limit)
	}
	if cap(r.buffer) < int(length) {
		r.buffer = make([]byte, length)
	}
	payload := r.buffer[:length]
	if _, err := io.ReadFull(r.from, payload); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return 0, nil, brokenOff(err)
	}
	return kind, payload, nil
}

func brokenOff(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return ErrBrokenOff
	}
	return err
}

func (t Type) limit() int {
	if t == Data {
		return MaxData
	}
	return MaxMessage
}
