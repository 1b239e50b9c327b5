package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"

	"github.com/converged-computing/oras-operator/agent/internal/reference"
	"github.com/converged-computing/oras-operator/agent/internal/source"
)

// BlobReader streams a blob: exactly its size and, at its end, verified. What was read must not be used before Read has
// returned io.EOF. After a broken connection it goes on where it was. It is for one goroutine; Close it.
type BlobReader struct {
	r      *Repository
	ctx    context.Context
	digest string
	size   int64

	sum    hash.Hash
	offset int64
	// aside: WriteTo takes the digest, not Read.
	aside bool
	// noRange: the registry refuses to send a part, and is asked for the whole.
	noRange bool
	// ended is where a body ended too early, -1 when none did.
	ended    int64
	body     io.ReadCloser
	cancel   context.CancelCauseFunc
	patience *patience
	err      error
}

// OpenBlob returns a stream of a blob. No request is made before the first Read. ctx is for all of it: when it ends, Read
// returns its cause.
//
// digest and size (bytes) are as the manifest has them, which is checked here too.
func (r *Repository) OpenBlob(ctx context.Context, digest string, size int64) (*BlobReader, error) {
	if !reference.IsDigest(digest) {
		return nil, invalid("%s is not a digest (sha256: and 64 characters of 0-9 and a-f)", Clean(digest, 100))
	}
	if size < 0 {
		return nil, invalid("the blob %s has the size %d", digest, size)
	}
	what := r.ref.Name() + ", blob " + shortDigest(digest)
	return &BlobReader{r: r, ctx: ctx, digest: digest, size: size, sum: sha256.New(), ended: -1, patience: &patience{o: r.o, what: what}}, nil
}

// Read reads on. Its errors are final: an Error, the cause of the context's end, or io.EOF when the whole blob was read
// and is what its digest says.
func (b *BlobReader) Read(p []byte) (int, error) {
	for b.err == nil {
		if b.offset == b.size {
			b.err = b.finish()
			break
		}
		if len(p) == 0 {
			return 0, nil
		}
		n, err := b.readSome(p)
		if n > 0 {
			b.patience.progress()
			return n, nil
		}
		if err != nil {
			b.drop()
			b.err = b.patience.wait(b.ctx, err)
		}
	}
	return 0, b.err
}

// copyPiece is how much WriteTo reads before it writes, in bytes.
const copyPiece = 256 << 10

// WriteTo writes what is left; io.Copy uses it. The digest of a piece is taken while the piece is written: on one core
// that is most of the time.
func (b *BlobReader) WriteTo(to io.Writer) (int64, error) {
	b.aside = true
	defer func() { b.aside = false }()
	written := int64(0)
	buffer := make([]byte, min(copyPiece, b.size))
	for {
		n, err := b.fill(buffer)
		if n > 0 {
			piece := buffer[:n]
			failed := source.HashedDuring(b.sum, piece, func() error {
				n, err := to.Write(piece)
				written += int64(n)
				return err
			})
			if failed != nil {
				return written, failed
			}
		}
		if err == io.EOF {
			return written, nil
		}
		if err != nil {
			return written, err
		}
	}
}

// fill reads a whole piece, or up to the end: that is only met when all before it is hashed.
func (b *BlobReader) fill(piece []byte) (int, error) {
	n := 0
	for {
		m, err := b.Read(piece[n:])
		n += m
		if err != nil || n == len(piece) || b.offset == b.size {
			return n, err
		}
	}
}

// Err is why Read could not go on, but for io.EOF: it tells a reader's error from a writer's.
func (b *BlobReader) Err() error {
	if b.err == io.EOF {
		return nil
	}
	return b.err
}

// readSome connects where that is needed. A count of 0 without an error is a try that brought nothing.
func (b *BlobReader) readSome(p []byte) (int, error) {
	if b.body == nil {
		if err := b.connect(); err != nil {
			return 0, err
		}
	}
	n, err := b.body.Read(p[:min(int64(len(p)), b.size-b.offset)])
	if n > 0 {
		if !b.aside {
			b.sum.Write(p[:n])
		}
		b.offset += int64(n)
		return n, nil // An error that came with it comes again.
	}
	if errors.Is(err, io.EOF) {
		// An end that is none of a broken connection. A proxy may have made it; twice at the same place it is true.
		if b.ended == b.offset {
			return 0, invalid("the blob %s has %d bytes in the registry, %d in the manifest", b.digest, b.offset, b.size)
		}
		b.ended, err = b.offset, io.ErrUnexpectedEOF
	}
	if err != nil {
		return 0, b.r.bodyError(b.ctx, err)
	}
	return 0, nil
}

// finish makes sure that nothing follows and that the digest is right. A wrong one is final: it would be wrong again.
func (b *BlobReader) finish() error {
	if b.body != nil {
		var more [1]byte
		if n, _ := io.ReadFull(b.body, more[:]); n > 0 {
			return invalid("the blob %s is longer than the manifest says, %d bytes", b.digest, b.size)
		}
		b.drop()
	}
	if got := "sha256:" + hex.EncodeToString(b.sum.Sum(nil)); got != b.digest {
		return invalid("what the registry sent for the blob %s is not it: its digest is %s", b.digest, got)
	}
	return io.EOF
}

func (b *BlobReader) drop() {
	if b.body != nil {
		_ = b.body.Close()
		b.body = nil
	}
	if b.cancel != nil {
		b.cancel(context.Canceled)
		b.cancel = nil
	}
}

// Close ends the stream. It may be called at any point, and again.
func (b *BlobReader) Close() error {
	b.drop()
	if b.err == nil {
		b.err = errors.New("the blob is closed")
	}
	return nil
}

func shortDigest(digest string) string { return cut(digest, len("sha256:")+12) }
