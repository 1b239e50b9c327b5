package server

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"time"
)

const (
	headersWithin = 5 * time.Second
	bodyWithin    = 10 * time.Second
	answerWithin  = time.Minute
	endsWithin    = 5 * time.Second
	longestHeader = 8 << 10
)

// Listening is an address with what answers there.
type Listening struct {
	Listener net.Listener
	Handler  http.Handler
	// Certificate is shown there; nil for plain HTTP.
	Certificate *Certificate
	// Stays: who asks once a minute needs no connection in between, and each takes memory. The registry tells of each pull.
	Stays bool
}

// Serve answers until it is stopped, and lets what is under way end.
func Serve(ctx context.Context, all ...Listening) error {
	failed := make(chan error, len(all))
	var servers []*http.Server
	for _, one := range all {
		server := &http.Server{
			Handler: one.Handler, MaxHeaderBytes: longestHeader,
			ReadHeaderTimeout: headersWithin, ReadTimeout: bodyWithin, WriteTimeout: answerWithin,
		}
		server.SetKeepAlivesEnabled(one.Stays)
		servers = append(servers, server)
		listener := one.Listener
		if one.Certificate != nil {
			listener = tls.NewListener(listener, &tls.Config{
				MinVersion:     tls.VersionTLS12,
				GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return one.Certificate.Shown() },
			})
		}
		go func() { failed <- server.Serve(listener) }()
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), endsWithin)
	defer cancel()
	for _, server := range servers {
		if server.Shutdown(ending) != nil {
			_ = server.Close()
		}
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
