package registry

import (
	"net"
	"net/url"
	"syscall"
	"testing"
)

// A registry that a NetworkPolicy closes looks like one that is down, so the step says where to look.
func TestHintAtPolicy(t *testing.T) {
	failed := func(op string, err error) error {
		return &url.Error{Op: "Get", URL: "http://h", Err: &net.OpError{Op: op, Net: "tcp", Err: err}}
	}
	refused, dropped := failed("dial", syscall.ECONNREFUSED), failed("dial", timeoutError{})
	for _, c := range []struct {
		err  error
		host string
		want bool
	}{
		{refused, "oras-0.oras.other.svc.cluster.local:5000", true},
		{dropped, "oras-0.oras.other.svc.cluster.local:5000", true},
		{failed("dial", syscall.EHOSTUNREACH), "oras.other.svc:5000", true},
		{refused, "oras.other.svc", true},
		{refused, "registry.example.org:5000", false},
		{refused, "x.svcs.example.org", false},
		{failed("read", syscall.ECONNRESET), "oras.other.svc:5000", false},
		{failed("dial", &net.DNSError{Name: "oras.other.svc", IsNotFound: true}), "oras.other.svc:5000", false},
	} {
		if got := hintAtPolicy(c.err, c.host) != ""; got != c.want {
			t.Errorf("%v, %s: %v", c.err, c.host, got)
		}
	}
}
