package main

import (
	"context"
	"errors"
	"os"
	"slices"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/pack"
	"github.com/converged-computing/oras-operator/agent/internal/contract"
	"github.com/converged-computing/oras-operator/agent/internal/inputs"
	"github.com/converged-computing/oras-operator/agent/internal/launcher"
	"github.com/converged-computing/oras-operator/agent/internal/options"
	"github.com/converged-computing/oras-operator/agent/internal/program"
	"github.com/converged-computing/oras-operator/agent/internal/pusher"
	"github.com/converged-computing/oras-operator/agent/internal/scripts"
	"github.com/converged-computing/oras-operator/agent/internal/share"
)

// execute is a wrapped container.
func execute(ctx context.Context, o options.Options, signals *program.Signals) (launcher.Exit, error) {
	started, err := launcherOptions(o)
	if err != nil {
		return launcher.Exit{}, err
	}
	part := share.Part(o.Share)
	started.Socket, started.Taken, started.OrasEnded = part.Socket(), part.Taken(), part.EndOfOras
	// Without rules of its own the kubelet starts it again by the policy of its Pod.
	started.OrasRestartsAfter = func(int) bool { return o.OrasComesBack }
	started.Settings = launcher.Settings{
		Unpacks: o.InputPath != "" && !o.Streams, Waits: o.Streams, Tells: o.Pushes || o.Streams,
		OrasComesBack: o.OrasComesBack || o.Streams,
		Wanted: func(code int) bool {
			return o.Pushes && (pusher.PushOn(o.PushOn).Wanted(code) || o.KeepFailure && code != 0)
		},
		NobodyThere: contract.ExitPusherMissing, OutputFailed: contract.ExitOutputFailed,
	}
	started.KeepsLog = o.KeepFailure
	into := inputs.Into{Target: unpackInto(o.InputPath), Explain: log.Explain}
	if o.Streams {
		started.Inputs = into
		started.OrasRestartsAfter = func(code int) bool {
			return o.OrasComesBack && code != 0 && !slices.Contains(contract.EndsForGood, code)
		}
		started.OwnVariables = append(started.OwnVariables, contract.ReadyVariable)
	} else if o.InputPath != "" {
		started.Unpack = inputs.Unpack{Into: into, Folder: part.Inputs(), Remove: !o.KeepInputs}.Run
	}
	if o.OutputPath != "" {
		leaveOut, err := options.Decode[pack.LeftOut](o.LeaveOut)
		if err != nil {
			return launcher.Exit{}, err
		}
		output := packFrom(o.OutputPath, contract.ExitCheckFailed, append(leaveOut, alwaysLeftOut(o.Share)...)...)
		output.FilesInTar = o.Format == formatImage
		started.Output = &output
	}
	return launcher.Run(ctx, started, signals), nil
}

// application is a wrapped container beside a script of the author's that pulls and pushes.
func application(ctx context.Context, o options.Options, signals *program.Signals) (launcher.Exit, error) {
	started, err := launcherOptions(o)
	if err != nil {
		return launcher.Exit{}, err
	}
	path := firstOf(o.OutputPath, o.OutputPipe, ".")
	if working, err := os.Getwd(); path == "." && err == nil && working == "/" {
		log.Say("no output is handed over: no output path is named, and the working directory is the root of the filesystem")
	} else {
		output := packFrom(path, contract.ExitCheckFailed, alwaysLeftOut(o.Share)...)
		started.Output = &output
	}
	return scripts.Application{
		Folder: share.Scripts(o.Share), Program: started, InputPath: firstOf(o.InputPath, "."), Workers: workers(),
		UnpackFailed: contract.ExitUnpackFailed, OutputFailed: contract.ExitOutputFailed,
	}.Run(ctx, signals), nil
}

// launcherOptions are those of every wrapped container.
func launcherOptions(o options.Options) (launcher.Options, error) {
	if len(o.Rest) == 0 {
		return launcher.Options{}, errors.New("no program follows the options")
	}
	return launcher.Options{
		Pipe: o.OutputPipe, Argv: o.Rest, OwnVariables: o.Variable, CheckFailed: contract.ExitCheckFailed, Log: log,
	}, nil
}

// firstOf returns the first text that is not empty.
func firstOf(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}
