package serving

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"syscall"
)

// handshake says why no client could speak TLS to who shows a certificate, as with a key of a curve that TLS does not have:
// the registry would be started again and again.
func handshake(pair *tls.Certificate) error {
	client, server, err := connected()
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() {
		defer server.Close()
		served <- tls.Server(server, &tls.Config{Certificates: []tls.Certificate{*pair}, MinVersion: tls.VersionTLS12}).Handshake()
	}()
	// Whether it is trusted is another question.
	err = tls.Client(client, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}).Handshake()
	_ = client.Close()
	reason := <-served
	// An alert of the server says less than its reason.
	if alert := (*net.OpError)(nil); reason != nil && errors.As(err, &alert) {
		return reason
	}
	return err
}

// connected are two ends of a connection. Unlike net.Pipe it has a buffer: a client that does not like what it reads sends an
// alert, while the server still writes.
func connected() (client, server net.Conn, err error) {
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	var ends [2]net.Conn
	for i, descriptor := range pair {
		file := os.NewFile(uintptr(descriptor), "")
		conn, failed := net.FileConn(file)
		_ = file.Close()
		ends[i], err = conn, errors.Join(err, failed)
	}
	return ends[0], ends[1], err
}
