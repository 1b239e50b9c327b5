package pusher

import (
	"os"
	"path/filepath"
	"testing"
)

func TestASocketThatCannotStandAtItsPathLeavesNothingBesideIt(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "socket")
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if listener, err := listenAt(path); err == nil {
		_ = listener.Close()
		t.Fatal("it listens in place of a folder")
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 1 {
		t.Errorf("left %v, %v", left, err)
	}
}
