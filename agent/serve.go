package main

import (
	"context"
	"net"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/contract"
	"github.com/converged-computing/oras-operator/agent/internal/failure"
	"github.com/converged-computing/oras-operator/agent/internal/inputs"
	"github.com/converged-computing/oras-operator/agent/internal/options"
	"github.com/converged-computing/oras-operator/agent/internal/protocol"
	"github.com/converged-computing/oras-operator/agent/internal/pusher"
	"github.com/converged-computing/oras-operator/agent/internal/share"
)

// serve is the container oras of a Pod without an init container. The kubelet starts the wrapped containers as soon as it
// has opened the volume, so it does that before it looks at anything else: what fails after it is told to them, and all
// end with the same code.
func serve(ctx context.Context, arguments []string) int {
	root, containers := share.Root(options.Last(arguments, "share")), len(options.All(arguments, "policy"))
	listening, notOpened := openVolume(root, containers)
	o, invalid := options.Parse("serve", arguments)
	log.Debug = o.Debug
	if notOpened != nil {
		return end(o, "", notOpened)
	}
	explainCommand("serve", o)
	serving := pusher.Options{
		Settings: pusher.Settings{Policies: make([]pusher.Policy, containers)}, Share: root,
		PushFailed: contract.ExitPushFailed, SetupFailed: contract.ExitSetupFailed, Log: log,
	}
	err := invalid
	if err == nil {
		var valid pusher.Options
		if valid, err = servingOptions(o); err == nil {
			serving = valid
		}
	}
	if err != nil {
		serving.Failure = &pusher.Failure{Code: codeOf(err), Message: err.Error()}
	}
	exit, err := listening.Run(ctx, serving)
	if err != nil {
		exit = pusher.Exit{Code: codeOf(err), Message: err.Error()}
	}
	if err := root.End(containers, share.End(exit)); err != nil {
		log.Say("the wrapped containers cannot be told that this one has ended: %s", err)
	}
	return endWith(o, exit.Code, exit.Message, nil)
}

// openVolume lets the wrapped containers be started.
func openVolume(root share.Root, containers int) (*pusher.Listening, error) {
	err := root.Open(containers, contract.ReadyVariable)
	var listening *pusher.Listening
	if err == nil {
		listening, err = pusher.Listen(root, containers)
	}
	if err != nil {
		return nil, failure.Wrap(err, contract.ExitSetupFailed, "the volume of the step cannot be written: %s", err)
	}
	return listening, nil
}

// servingOptions are those of push, with what an init container does elsewhere.
func servingOptions(o options.Options) (pusher.Options, error) {
	serving, err := pusherOptions(o)
	if err != nil {
		return serving, err
	}
	source, err := sourceOf(o)
	if err != nil {
		return serving, err
	}
	stream := &inputs.Stream{Source: source, Digests: serving.Share.Pulled()}
	serving.Supply = &pusher.Supply{
		Prepare: func(ctx context.Context) error {
			if err := stream.Resolve(ctx); err != nil {
				return err
			}
			return provePush(ctx, o)
		},
		Send: func(ctx context.Context, to *protocol.Writer) error { return stream.Send(ctx, to) },
	}
	return serving, nil
}

// How long a hook waits. While it runs, the kubelet serves no deletion of the Pod.
const (
	readyTime  = 5 * time.Second
	readyPause = 5 * time.Millisecond
)

// ready is the hook after the start of the container oras, which keeps the kubelet from starting the next container: it
// returns when somebody listens. A hook that fails would end the container.
func ready(o options.Options) {
	socket := share.Root(o.Share).Part(0).Socket()
	for deadline := time.Now().Add(readyTime); time.Now().Before(deadline); time.Sleep(readyPause) {
		if conn, err := net.Dial("unix", socket); err == nil {
			_ = conn.Close()
			return
		}
	}
}
