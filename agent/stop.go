package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/converged-computing/oras-operator/agent/internal/failure"
)

// untilStopped does what has nothing to finish when its Pod is deleted: a signal ends it at once, whatever it waits for.
// As process 1 of a container it would not be ended by a signal that it does not receive.
func untilStopped(work func(context.Context) error) error {
	received := make(chan os.Signal, 1)
	signal.Notify(received, syscall.SIGTERM, syscall.SIGINT)
	defer signal.Stop(received)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- work(ctx) }()
	select {
	case err := <-done:
		return err
	case found := <-received:
		number, _ := found.(syscall.Signal)
		const signalled = 128
		return failure.New(signalled+int(number), "stopped by %s before it was done: the Pod was deleted, or the container restarted", unix.SignalName(number))
	}
}
