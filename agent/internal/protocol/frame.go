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
	mutex sync.Mutex
	to    io.Writer
}

// NewWriter returns a Writer of frames to a connection.
func NewWriter(to io.Writer) *Writer { return &Writer{to: to} }

// Frame writes one frame.
func (w *Writer) Frame(kind Type, payload []byte) error {
	return w.write(kind, append(make([]byte, headerLength, headerLength+len(payload)), payload...))
}

// write writes a frame whose payload stands in frame, behind room for the header: in one call, since each costs as much
// as the copy of some KiB.
func (w *Writer) write(kind Type, frame []byte) error {
	length := len(frame) - headerLength
	if limit := kind.limit(); length > limit {
		return fmt.Errorf("%w: %d bytes of type %d, at most %d", ErrTooLong, length, kind, limit)
	}
	frame[0] = byte(kind)
	binary.BigEndian.PutUint32(frame[1:], uint32(length))
	w.mutex.Lock()
	defer w.mutex.Unlock()
	_, err := w.to.Write(frame)
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
	kind, length, err := r.head()
	if err != nil {
		return 0, nil, err
	}
	payload, err := r.payload(length)
	if err != nil {
		return 0, nil, err
	}
	return kind, payload, nil
}

// head reads the header of a frame: its type and the length of its payload.
func (r *Reader) head() (Type, int, error) {
	if _, err := io.ReadFull(r.from, r.header[:]); err != nil {
		return 0, 0, brokenOff(err)
	}
	kind := Type(r.header[0])
	length := binary.BigEndian.Uint32(r.header[1:])
	if limit := kind.limit(); int64(length) > int64(limit) {
		return 0, 0, fmt.Errorf("%w: %d bytes of type %d, at most %d", ErrTooLong, length, kind, limit)
	}
	return kind, int(length), nil
}

// payload reads what follows a header.
func (r *Reader) payload(length int) ([]byte, error) {
	if cap(r.buffer) < length {
		r.buffer = make([]byte, length)
	}
	payload := r.buffer[:length]
	if _, err := io.ReadFull(r.from, payload); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, brokenOff(err)
	}
	return payload, nil
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
