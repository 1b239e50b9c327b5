package pusher

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

func TestAFileIsReadWhileItGrows(t *testing.T) {
	content := make([]byte, 3*copyPiece+17)
	_, _ = rand.NewChaCha8([32]byte{}).Read(content)
	full := errors.New("the volume is full")
	for name, ended := range map[string]error{"whole": nil, "not whole": full} {
		t.Run(name, func(t *testing.T) {
			file, err := os.Create(filepath.Join(t.TempDir(), "blob"))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = file.Close() }()
			var got bytes.Buffer
			read := make(chan error)
			began := 0
			g := newGrowing(file, 1000, func(r io.ReadCloser) {
				began++
				go func() {
					_, err := io.Copy(&got, r)
					_ = r.Close()
					read <- err
				}()
			})
			for at := 0; at < len(content); {
				n := min(rand.IntN(copyPiece), len(content)-at)
				if _, err := g.Write(content[at : at+n]); err != nil {
					t.Fatal(err)
				}
				at += n
			}
			g.end(ended)
			if err := <-read; !errors.Is(err, ended) {
				t.Error(err)
			}
			if began != 1 || !bytes.Equal(got.Bytes(), content) {
				t.Errorf("%d readers, %d bytes of %d", began, got.Len(), len(content))
			}
		})
	}
}

func TestAReaderThatWaitsIsClosed(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "blob"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	g := newGrowing(file, 1<<40, nil)
	follower, err := g.follow()
	if err != nil {
		t.Fatal(err)
	}
	read := make(chan error)
	go func() {
		_, err := follower.Read(make([]byte, 1))
		read <- err
	}()
	_ = follower.Close()
	if err := <-read; !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
}
