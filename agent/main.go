// The agent is the one program that runs in the Pods of a step: it pulls and unpacks inputs, runs the wrapped program,
// and packs and pushes its output. Beside a registry of the operator it is the keeper.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/converged-computing/oras-operator/agent/internal/contract"
	"github.com/converged-computing/oras-operator/agent/internal/failure"
	"github.com/converged-computing/oras-operator/agent/internal/options"
	"github.com/converged-computing/oras-operator/agent/internal/program"
	"github.com/converged-computing/oras-operator/agent/internal/registry"
)

var log = failure.Log{To: os.Stderr}

func main() {
	os.Exit(run(os.Args[1:]))
}

// run runs a command and returns the exit code.
func run(arguments []string) int {
	if len(arguments) == 0 {
		fmt.Fprintf(os.Stderr, "usage: agent %s [options]: started by the operator in the Pods of steps and registries\n", strings.Join(options.Commands, "|"))
		return contract.ExitSetupFailed
	}
	command := arguments[0]
	// Before anything else: the first signal may come at once.
	var signals *program.Signals
	if command == "exec" || command == "application" {
		signals = program.Receive()
	}
	if command != "started" && command != "ready" {
		makeThreads()
	}
	ctx := context.Background()
	if oras, is := orasCommands[command]; is {
		return oras.run(ctx, command, arguments[1:])
	}
	o, err := options.Parse(command, arguments[1:])
	switch {
	case command == "ready":
		ready(o)
		return 0
	case err != nil:
		return end(o, "", err)
	case command == "started":
		return started(o)
	}
	log.Debug = o.Debug
	explainCommand(command, o)
	switch command {
	case "install":
		return end(o, "", untilStopped(func(ctx context.Context) error { return install(ctx, o) }))
	case "pull":
		var pulled string
		err := untilStopped(func(ctx context.Context) (err error) {
			pulled, err = pull(ctx, o)
			return err
		})
		if err != nil {
			return end(o, "", err)
		}
		return end(o, pulled, nil)
	case "keep-init":
		return end(o, "", untilStopped(func(context.Context) error { return keepInit(o) }))
	case "keep":
		return end(o, "", keep(ctx, o))
	case "exec":
		exit, err := execute(ctx, o, signals)
		return endWith(o, exit.Code, exit.Message, err)
	default: // application: options know no other
		exit, err := application(ctx, o, signals)
		return endWith(o, exit.Code, exit.Message, err)
	}
}

func explainCommand(command string, o options.Options) {
	log.Explain("%s as user %d, with %s", command, os.Getuid(), registry.Clean(o.Describe(command), 4<<10))
}

// end tells an error where the author looks, and returns its exit code.
func end(o options.Options, message string, err error) int {
	if err == nil {
		failure.Terminate(o.MessagePath, message, 0)
		return 0
	}
	code := codeOf(err)
	log.Say("error: %s", err)
	failure.Terminate(o.MessagePath, err.Error(), code)
	return code
}

// codeOf is the exit code of an error.
func codeOf(err error) int {
	if found := failure.As(err); found != nil {
		return found.Code
	}
	return contract.ExitSetupFailed
}

func endWith(o options.Options, code int, message string, err error) int {
	if err != nil {
		return end(o, "", err)
	}
	if code != 0 && message != "" {
		return end(o, "", failure.New(code, "%s", message))
	}
	failure.Terminate(o.MessagePath, message, code)
	return code
}
