package share

import (
	"net"
	"os"
	"path/filepath"
	"testing"
)

// Who finds a socket that nobody listens on gives up: that of a round before must not be found.
func TestInstallRemovesSocketsOfARoundBefore(t *testing.T) {
	root := Root(t.TempDir())
	for range 2 {
		if err := root.Install(2); err != nil {
			t.Fatal(err)
		}
		for number := range 2 {
			if _, err := os.Lstat(root.Part(number).Socket()); !os.IsNotExist(err) {
				t.Errorf("part %d: %v", number, err)
			}
			listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: root.Part(number).Socket(), Net: "unix"})
			if err != nil {
				t.Fatal(err)
			}
			listener.SetUnlinkOnClose(false)
			_ = listener.Close()
		}
	}
}

func TestForgetOutputs(t *testing.T) {
	root := Root(t.TempDir())
	kept := filepath.Join(root.Kept(1), "result")
	if err := os.MkdirAll(filepath.Dir(kept), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(kept, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := root.Conclude(End{Code: 3}); err != nil {
		t.Fatal(err)
	}
	if end := root.Conclusion(); end == nil || end.Code != 3 {
		t.Errorf("%v", end)
	}
	if err := root.ForgetOutputs(2); err != nil {
		t.Fatal(err)
	}
	if end := root.Conclusion(); end != nil {
		t.Errorf("another round begins with the end of the one before: %v", end)
	}
	if _, err := os.Stat(kept); !os.IsNotExist(err) {
		t.Errorf("%v", err)
	}
}
