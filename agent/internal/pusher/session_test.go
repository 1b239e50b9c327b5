package pusher

import (
	"errors"
	"net"
	"path/filepath"
	"syscall"
	"testing"
)

// A refused connection says that the container oras has ended, so none may be refused as it begins.
func TestASocketNeverRefusesAsItBegins(t *testing.T) {
	for round := range 300 {
		path := filepath.Join(t.TempDir(), "socket")
		refused := make(chan bool)
		go func() {
			for {
				conn, err := net.Dial("unix", path)
				if err == nil {
					_ = conn.Close()
				}
				if err == nil || errors.Is(err, syscall.ECONNREFUSED) {
					refused <- err != nil
					return
				}
			}
		}()
		listener, err := listenAt(path)
		if err != nil {
			t.Fatal(err)
		}
		if <-refused {
			t.Fatalf("round %d: refused", round)
		}
		_ = listener.Close()
	}
}
