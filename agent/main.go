// The agent is the one program that runs in the Pods of a step: it pulls and unpacks inputs, runs the wrapped program,
// and packs and pushes its output.
package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/compress"
	"github.com/converged-computing/oras-operator/agent/internal/artifact/pack"
	"github.com/converged-computing/oras-operator/agent/internal/artifact/unpack"
	"github.com/converged-computing/oras-operator/agent/internal/contract"
	"github.com/converged-computing/oras-operator/agent/internal/credentials"
	"github.com/converged-computing/oras-operator/agent/internal/failure"
	"github.com/converged-computing/oras-operator/agent/internal/inputs"
	"github.com/converged-computing/oras-operator/agent/internal/launcher"
	"github.com/converged-computing/oras-operator/agent/internal/options"
	"github.com/converged-computing/oras-operator/agent/internal/program"
	"github.com/converged-computing/oras-operator/agent/internal/pusher"
	"github.com/converged-computing/oras-operator/agent/internal/reference"
	"github.com/converged-computing/oras-operator/agent/internal/registry"
	"github.com/converged-computing/oras-operator/agent/internal/share"
)

var log = failure.Log{To: os.Stderr}

func main() {
	os.Exit(run(os.Args[1:]))
}

// run runs a command and returns the exit code.
func run(arguments []string) int {
	if len(arguments) == 0 {
		fmt.Fprintln(os.Stderr, "usage: agent "+strings.Join(options.Commands, "|")+" [options]: started by the operator in the Pods of a step")
		return contract.ExitSetupFailed
	}
	command := arguments[0]
	// Before anything else: the first signal may come at once.
	var signals *program.Signals
	if command == "exec" {
		signals = program.Receive()
	}
	o, err := options.Parse(command, arguments[1:])
	if err != nil {
		return end(o, "", err)
	}
	switch command {
	case "install":
		return end(o, "", install(o))
	case "pull":
		return end(o, "", pull(context.Background(), o))
	case "exec":
		exit, err := execute(context.Background(), o, signals)
		return endWith(o, exit.Code, exit.Message, err)
	case "push":
		exit, err := push(context.Background(), o)
		return endWith(o, exit.Code, exit.Message, err)
	}
	return end(o, "", fmt.Errorf("this image cannot do %s yet", command))
}

// end tells an error where the author looks, and returns its exit code.
func end(o options.Options, message string, err error) int {
	if err == nil {
		failure.Terminate(o.MessagePath, message, 0)
		return 0
	}
	code := contract.ExitSetupFailed
	if found := failure.As(err); found != nil {
		code = found.Code
	}
	log.Say("error: %s", err)
	failure.Terminate(o.MessagePath, err.Error(), code)
	return code
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

func install(o options.Options) error {
	if err := share.Root(o.Share).Install(o.Containers); err != nil {
		return failure.Wrap(err, contract.ExitSetupFailed, "the agent cannot be put on the volume of the step: %s", err)
	}
	return nil
}

// pull is the init container: it installs the agent, pulls the inputs, and proves that the output may be pushed.
func pull(ctx context.Context, o options.Options) error {
	if err := install(o); err != nil {
		return err
	}
	root := share.Root(o.Share)
	folders := make([]string, o.Containers)
	for i := range folders {
		folders[i] = root.Part(i).Inputs()
	}
	references, err := parseReferences(o.Input)
	if err != nil {
		return err
	}
	if len(references) > 0 {
		reading, err := registryOptions(o, credentials.Pull)
		if err != nil {
			return err
		}
		pulling := inputs.Pull{
			References: references, Folders: folders, Unpack: o.Unpack, Limit: o.Limit,
			InvalidCode: contract.ExitInputInvalid, SetupCode: contract.ExitSetupFailed, Registry: reading, Say: log.Say,
		}
		pulled, err := pulling.Run(ctx)
		if err != nil {
			return err
		}
		if err := inputs.WriteDigests(root.Pulled(), pulled); err != nil {
			return failure.Wrap(err, contract.ExitSetupFailed, "the volume of the step cannot be written: %s", err)
		}
	}
	if o.Output == "" {
		return nil
	}
	return provePush(ctx, o)
}

func provePush(ctx context.Context, o options.Options) error {
	output, err := reference.Parse(o.Output)
	if err != nil {
		return err
	}
	writing, err := registryOptions(o, credentials.Push)
	if err != nil {
		return err
	}
	repository, err := registry.Open(output, writing)
	if err == nil {
		defer repository.Close()
		err = repository.ProvePush(ctx)
	}
	if err != nil {
		return registry.ProofCodes().Failure("push to "+output.Name(), err)
	}
	return nil
}

func parseReferences(texts []string) ([]reference.Reference, error) {
	all := make([]reference.Reference, len(texts))
	for i, text := range texts {
		parsed, err := reference.Parse(text)
		if err != nil {
			return nil, err
		}
		all[i] = parsed
	}
	return all, nil
}

func registryOptions(o options.Options, use credentials.Use) (registry.Options, error) {
	found := registry.Options{
		Use: use, Timeout: o.Timeout, Stall: o.StallTimeout,
		Log:        func(line string) { log.Say("%s", line) },
		PlainLogin: func(host string) bool { return host != "" && host == o.PlainLoginHost },
	}
	if o.Credentials == "" {
		return found, nil
	}
	secret, err := credentials.Read(o.Credentials, o.CredentialsHost)
	if err != nil {
		return found, failure.Wrap(err, contract.ExitSetupFailed, "%s", err)
	}
	found.Secret = secret
	return found, nil
}

// execute is a wrapped container.
func execute(ctx context.Context, o options.Options, signals *program.Signals) (launcher.Exit, error) {
	part := share.Part(o.Share)
	started := launcher.Options{
		Settings: launcher.Settings{
			Unpacks: o.InputPath != "", Tells: o.Pushes, OrasComesBack: o.OrasComesBack,
			Wanted:      pusher.PushOn(o.PushOn).Wanted,
			NobodyThere: contract.ExitPusherMissing, OutputFailed: contract.ExitOutputFailed,
		},
		Socket: part.Socket(), Pipe: o.OutputPipe, Argv: o.Rest, OwnVariables: o.Variable,
		CheckFailed: contract.ExitCheckFailed, Log: log,
	}
	if len(o.Rest) == 0 {
		return launcher.Exit{}, errors.New("no program follows the options")
	}
	workers := runtime.GOMAXPROCS(0)
	if o.InputPath != "" {
		started.Inputs = &inputs.Unpack{Folder: part.Inputs(), Remove: !o.KeepInputs, Target: unpack.Options{
			Path: o.InputPath, Workers: workers, Code: contract.ExitUnpackFailed, Now: time.Now(),
			Limits: unpack.Limits{Entries: math.MaxInt64, Bytes: math.MaxInt64, PathBytes: 4095},
			Tell:   func(line string) { log.Say("%s", line) },
		}}
	}
	if o.OutputPath != "" {
		leaveOut, err := options.Decode[pack.LeftOut](o.LeaveOut)
		if err != nil {
			return launcher.Exit{}, err
		}
		started.Output = &pack.Options{
			Path: o.OutputPath, LeaveOut: append(leaveOut, alwaysLeftOut(o.Share)...), Workers: workers, Code: contract.ExitCheckFailed,
			Tell: func(line string) { log.Say("%s", line) },
		}
	}
	return launcher.Run(ctx, started, signals), nil
}

// alwaysLeftOut are mounts of nearly every container, which are never packed.
func alwaysLeftOut(share string) []pack.LeftOut {
	return []pack.LeftOut{
		{Path: share, What: "the operator's volume"},
		{Path: "/var/run/secrets/kubernetes.io/serviceaccount", What: "a ServiceAccount token"},
	}
}

// push is the container oras.
func push(ctx context.Context, o options.Options) (pusher.Exit, error) {
	output, err := reference.Parse(o.Output)
	if err != nil {
		return pusher.Exit{}, err
	}
	writing, err := registryOptions(o, credentials.Push)
	if err != nil {
		return pusher.Exit{}, err
	}
	policies, err := options.Decode[pusher.Policy](o.Policy)
	if err != nil {
		return pusher.Exit{}, err
	}
	root := share.Root(o.Share)
	digests, err := inputs.ReadDigests(root.Pulled())
	if err != nil {
		return pusher.Exit{}, failure.Wrap(err, contract.ExitSetupFailed, "what was pulled cannot be read from the volume of the step: %s", err)
	}
	methods := map[string]compress.Method{"auto": compress.Gzip, "gzip": compress.Gzip, "none": compress.Store, "zstd": compress.Zstd}
	return pusher.Run(ctx, pusher.Options{
		Settings: pusher.Settings{Policies: policies, HasOutput: true, PushOn: pusher.PushOn(o.PushOn), OutputFailed: contract.ExitOutputFailed},
		Share:    root, Output: output, Method: methods[o.Compression], Images: o.Image, Inputs: digests,
		Registry: writing, PushFailed: contract.ExitPushFailed, SetupFailed: contract.ExitSetupFailed, Log: log,
	})
}
