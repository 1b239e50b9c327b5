package source

import "hash"

// HashedDuring does something with a piece of content while its digest is taken on another core. Neither changes the piece.
func HashedDuring(sum hash.Hash, piece []byte, work func() error) error {
	hashed := make(chan struct{})
	go func() {
		sum.Write(piece)
		close(hashed)
	}()
	err := work()
	<-hashed
	return err
}
