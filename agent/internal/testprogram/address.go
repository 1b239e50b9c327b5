package testprogram

import (
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"testing"
)

// As in test/support/ports.ts: below those that the kernel gives to connections (32768 and up), of which a test's could have one
// before the program listens.
const first, parts, perProcess = 10_000, 200, 100

var given atomic.Int64

// FreeAddress returns an address of loopback that nobody listens on, for a program that is to. Between the look and the start of
// that program seconds may pass, and some are started again at their address: each process of tests has ports that others do not
// look at, and gives each once before it begins anew.
func FreeAddress(t testing.TB) string {
	t.Helper()
	for {
		port := first + os.Getpid()%parts*perProcess + int(given.Add(1)%perProcess)
		address := fmt.Sprintf("127.0.0.1:%d", port)
		if listener, err := net.Listen("tcp", address); err == nil {
			_ = listener.Close()
			return address
		}
	}
}
