package inputs

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// written makes a blob that does not end with a whole piece.
func written(t *testing.T) (path string, content []byte) {
	t.Helper()
	content = make([]byte, 2*consumePiece+12345)
	_, _ = rand.NewChaCha8([32]byte{}).Read(content)
	path = filepath.Join(t.TempDir(), "blob")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, content
}

// kept is how many bytes of a file take room.
func kept(t *testing.T, path string) int64 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	return st.Blocks * 512
}

func read(t *testing.T, u Unpack, path string) []byte {
	t.Helper()
	file, err := u.openBlob(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	got, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestWhatWasReadTakesNoRoom(t *testing.T) {
	path, content := written(t)
	if !bytes.Equal(read(t, Unpack{Remove: true}, path), content) {
		t.Error("something else was read")
	}
	if left := kept(t, path); left > consumePiece {
		t.Errorf("%d bytes of %d still take room", left, len(content))
	}
}

func TestWhatSomebodyStillNeedsStays(t *testing.T) {
	for name, change := range map[string]func(*Unpack, string) error{
		"another attempt":             func(u *Unpack, _ string) error { u.Remove = false; return nil },
		"another container, or layer": func(_ *Unpack, path string) error { return os.Link(path, path+"-2") },
		"it may not be written": func(_ *Unpack, path string) error {
			if os.Getuid() == 0 {
				return os.Link(path, path+"-2") // who may write everything
			}
			return os.Chmod(path, 0o400)
		},
	} {
		t.Run(name, func(t *testing.T) {
			path, content := written(t)
			u := Unpack{Remove: true}
			if err := change(&u, path); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if !bytes.Equal(read(t, u, path), content) {
					t.Fatal("something else was read")
				}
			}
		})
	}
}
