package compress

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/flate"
)

const (
	// memberContent is how much content a member holds; only the last one holds less.
	memberContent = 512 << 10
	// memberMost bounds a whole member: what cannot be compressed is stored, with 5 bytes for each 64 KiB (RFC 1951
	// section 3.2.4).
	memberMost  = memberContent + 4096
	trailerSize = 8
)

// memberHead is the header of a member (RFC 1952 section 2.3) up to its length: no name, no time, unknown system, and
// one extra subfield "OM" of 4 bytes, the length of the whole member, least significant byte first. BGZF's subfield
// "BC" has 16 bits, which is too short for members of this size.
var memberHead = [16]byte{0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255, 8, 0, 'O', 'M', 4, 0}

const headerSize = len(memberHead) + 4

// deflater makes members. It is used by one goroutine.
type deflater struct {
	method  Method
	fast    *flate.Writer
	huffman *flate.Writer
	stored  *flate.Writer
}

func newDeflater(method Method) *deflater { return &deflater{method: method} }

// appendMember appends the member of content to out. The bytes depend on content and method alone.
func (d *deflater) appendMember(out, content []byte) ([]byte, error) {
	sink := &sliceSink{bytes: append(out, memberHead[:]...)}
	start := len(out)
	sink.bytes = append(sink.bytes, 0, 0, 0, 0)
	if err := d.deflate(sink, content); err != nil {
		return nil, err
	}
	b := binary.LittleEndian.AppendUint32(sink.bytes, crc32.ChecksumIEEE(content))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(content)))
	if len(b)-start > memberMost {
		return nil, fmt.Errorf("compress: a member of %d bytes", len(b)-start)
	}
	binary.LittleEndian.PutUint32(b[start+len(memberHead):], uint32(len(b)-start))
	return b, nil
}

func (d *deflater) deflate(sink io.Writer, content []byte) error {
	writer, err := d.choose(content)
	if err != nil {
		return err
	}
	writer.Reset(sink)
	if _, err := writer.Write(content); err != nil {
		return err
	}
	return writer.Close()
}

// choose picks the way of a member by what a sample of it gains.
func (d *deflater) choose(content []byte) (*flate.Writer, error) {
	stored, err := writerOf(&d.stored, flate.NoCompression)
	if err != nil || d.method == Store {
		return stored, err
	}
	fast, err := writerOf(&d.fast, flate.BestSpeed)
	if err != nil || len(content) <= samplePiece*samplePieces {
		return fast, err
	}
	huffman, err := writerOf(&d.huffman, flate.HuffmanOnly)
	if err != nil {
		return nil, err
	}
	matched, err := sampled(content, fast)
	if err != nil {
		return nil, err
	}
	coded, err := sampled(content, huffman)
	if err != nil {
		return nil, err
	}
	switch {
	case matched*100 <= coded*97:
		return fast, nil
	case coded*1000 < samplePiece*samplePieces*995:
		return huffman, nil
	}
	return stored, nil
}

func writerOf(slot **flate.Writer, level int) (*flate.Writer, error) {
	var err error
	if *slot == nil {
		*slot, err = flate.NewWriter(io.Discard, level)
	}
	return *slot, err
}

// A sample is pieces from the front, the middle and the end of a member. Searching for repetitions costs several times
// more than Huffman codes alone and buys nothing, less than 3 %, for numbers, images and what is compressed already; codes
// buy nothing, less than 0.5 %, for the latter.
const (
	samplePiece  = 16 << 10
	samplePieces = 3
)

// sampled is the size of the compressed sample.
func sampled(content []byte, writer *flate.Writer) (int64, error) {
	var size counter
	for i := range samplePieces {
		at := (len(content) - samplePiece) / (samplePieces - 1) * i
		writer.Reset(&size)
		if _, err := writer.Write(content[at : at+samplePiece]); err != nil {
			return 0, err
		}
		if err := writer.Close(); err != nil {
			return 0, err
		}
	}
	return int64(size), nil
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

type sliceSink struct{ bytes []byte }

func (s *sliceSink) Write(p []byte) (int, error) {
	s.bytes = append(s.bytes, p...)
	return len(p), nil
}

// memberLength returns the length of the member that starts with header, and whether it carries one. A length that no
// member of ours can have is not taken: the stream is then read as any gzip.
func memberLength(header []byte) (int, bool) {
	if len(header) < headerSize || !bytes.Equal(header[:len(memberHead)], memberHead[:]) {
		return 0, false
	}
	length := binary.LittleEndian.Uint32(header[len(memberHead):])
	if length < uint32(headerSize+trailerSize) || length > memberMost {
		return 0, false
	}
	return int(length), true
}

// inflater reads members. It is used by one goroutine.
type inflater struct {
	source  bytes.Reader
	flate   io.ReadCloser
	surplus [1]byte
}

// inflate returns the content of a whole member in out, whose capacity is memberContent. It never needs more: a member
// that holds more than its trailer says is damaged.
func (d *inflater) inflate(out, member []byte) ([]byte, error) {
	trailer := member[len(member)-trailerSize:]
	size := binary.LittleEndian.Uint32(trailer[4:])
	if size > memberContent {
		return nil, fmt.Errorf("%w: a member of %d bytes", ErrCorrupt, size)
	}
	// bytes.Reader is an io.ByteReader: nothing is read beyond the end of the deflate stream.
	d.source.Reset(member[headerSize : len(member)-trailerSize])
	if d.flate == nil {
		d.flate = flate.NewReader(&d.source)
	} else if err := d.flate.(flate.Resetter).Reset(&d.source, nil); err != nil {
		return nil, err
	}
	out = out[:size]
	if _, err := io.ReadFull(d.flate, out); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrCorrupt, err)
	}
	if n, err := d.flate.Read(d.surplus[:]); n != 0 || err != io.EOF || d.source.Len() != 0 {
		return nil, fmt.Errorf("%w: a member does not end where it should", ErrCorrupt)
	}
	if crc32.ChecksumIEEE(out) != binary.LittleEndian.Uint32(trailer) {
		return nil, fmt.Errorf("%w: a checksum does not match", ErrCorrupt)
	}
	return out, nil
}
