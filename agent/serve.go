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

// orasCommand is a command of the container oras.
type orasCommand struct {
	// open makes the volume ready.
	open func(root share.Root, containers int) error
	// options are what the container is started with.
	options func(options.Options) (pusher.Options, error)
}

var orasCommands = map[string]orasCommand{
	// With an init container.
	"push": {open: share.Root.Return, options: pusherOptions},
	// The same beside an application script of the author's.
	"sidecar": {open: share.Root.Return, options: sidecarOptions},
	// Without one: the kubelet starts the wrapped containers as soon as the volume is open.
	"serve": {
		open:    func(root share.Root, containers int) error { return root.Open(containers, contract.ReadyVariable) },
		options: servingOptions,
	},
}

// run is the container oras. Before it looks at anything else, the launchers can find it: what fails after it is told to
// them, and all end with the same code. One that nobody ever listened for would be waited for.
func (c orasCommand) run(ctx context.Context, command string, arguments []string) int {
	root, containers := share.Root(options.Last(arguments, "share")), len(options.All(arguments, "policy"))
	listening, notListening := c.listen(root, containers)
	o, invalid := options.Parse(command, arguments)
	log.Debug = o.Debug
	if notListening != nil {
		return end(o, "", notListening)
	}
	explainCommand(command, o)
	running := pusher.Options{
		Settings: pusher.Settings{Policies: make([]pusher.Policy, containers)}, Share: root,
		PushFailed: contract.ExitPushFailed, SetupFailed: contract.ExitSetupFailed, Log: log,
	}
	err := invalid
	if err == nil {
		var valid pusher.Options
		if valid, err = c.options(o); err == nil {
			running = valid
		}
	}
	if err != nil {
		running.Failure = &pusher.Failure{Code: codeOf(err), Message: err.Error()}
	}
	exit, err := listening.Run(ctx, running)
	if err != nil {
		exit = pusher.Exit{Code: codeOf(err), Message: err.Error()}
	}
	last := share.End{Code: exit.Code, Message: exit.Message, Final: root.Conclusion() != nil}
	if err := root.End(containers, last); err != nil {
		log.Say("the wrapped containers cannot be told that this one has ended: %s", err)
	}
	return endWith(o, exit.Code, exit.Message, nil)
}

func (c orasCommand) listen(root share.Root, containers int) (*pusher.Listening, error) {
	if err := c.open(root, containers); err != nil {
		return nil, failure.Wrap(err, contract.ExitSetupFailed, "the volume of the step cannot be written: %s", err)
	}
	listening, err := pusher.Listen(root, containers)
	if err != nil {
		return nil, failure.Wrap(err, contract.ExitSetupFailed, "the container oras cannot listen on the volume of the step: %s", err)
	}
	return listening, nil
}

// servingOptions are those of push, with what an init container does elsewhere.
func servingOptions(o options.Options) (pusher.Options, error) {
	serving, err := pusherOptions(o)
	if err != nil {
		return serving, err
	}
	if o.MountedInputs {
		serving.Supply = &pusher.Supply{
			Prepare: func(ctx context.Context) error {
				if err := lookAtMounted(ctx, o); err != nil {
					return err
				}
				return provePush(ctx, o)
			},
			Send: func(context.Context, *protocol.Writer) error { return nil },
		}
		return serving, nil
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
