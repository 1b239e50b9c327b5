package compress

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
)

// digester takes the digest and size of what is written to it.
type digester struct {
	hash hash.Hash
	size int64
}

func newDigester() *digester { return &digester{hash: sha256.New()} }

func (d *digester) Write(p []byte) (int, error) {
	d.hash.Write(p)
	d.size += int64(len(p))
	return len(p), nil
}

func (d *digester) sum() Sum {
	return Sum{Digest: "sha256:" + hex.EncodeToString(d.hash.Sum(nil)), Size: d.size}
}
