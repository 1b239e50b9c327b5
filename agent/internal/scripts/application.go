package scripts

import (
	"context"
	"math"
	"os"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/pack"
	"github.com/converged-computing/oras-operator/agent/internal/artifact/unpack"
	"github.com/converged-computing/oras-operator/agent/internal/failure"
	"github.com/converged-computing/oras-operator/agent/internal/launcher"
	"github.com/converged-computing/oras-operator/agent/internal/program"
	"github.com/converged-computing/oras-operator/agent/internal/share"
)

// Application is a wrapped container beside a script of the author's that pulls and pushes.
type Application struct {
	// Folder is where the two meet.
	Folder share.Scripts
	// InputPath is where the program finds what was pulled.
	InputPath string
	// Program is how it runs; its Output, if there is one, is copied to the folder when it has ended with success.
	Program launcher.Options
	Workers int
	// UnpackFailed and OutputFailed are exit codes of the documented table.
	UnpackFailed, OutputFailed int
}

// Run does what the wrapped container does, and returns how it ends.
func (a Application) Run(ctx context.Context, signals *program.Signals) launcher.Exit {
	a.Program.Settings = launcher.Settings{Unpacks: true}
	a.Program.Unpack = a.bringInputs
	exit := launcher.Run(ctx, a.Program, signals)
	if exit.Code == 0 && a.Program.Output != nil {
		// What a failed program leaves is no output.
		if err := a.bringOutput(ctx); err != nil {
			exit = launcher.Exit{Code: a.OutputFailed, Message: "the program ended with success, but its output could not be handed over: " + err.Error()}
		}
	}
	// However it ended: the other side waits for nothing else.
	err := os.WriteFile(a.Folder.Done(), nil, 0o666)
	if err != nil && exit.Code == 0 {
		exit = launcher.Exit{Code: a.OutputFailed, Message: "the program ended with success, but the container oras cannot be told: " + err.Error()}
	}
	return exit
}

func (a Application) bringInputs(ctx context.Context) error {
	ready := a.Folder.Ready()
	waiting := time.AfterFunc(launcher.Patience, func() {
		a.Program.Log.Say("waiting for %s, which the script in the container oras makes when the inputs are in %s", ready, a.Folder.Inputs())
	})
	err := await(ctx, ready)
	waiting.Stop()
	if err != nil {
		return failure.Wrap(err, a.UnpackFailed, "the file %s cannot be waited for: %s", ready, err)
	}
	a.Program.Log.Explain("copying %s to %s", a.Folder.Inputs(), a.InputPath)
	return copyTree(ctx, a.from(a.Folder.Inputs()+"/.", a.UnpackFailed), a.to(a.InputPath, a.UnpackFailed))
}

func (a Application) bringOutput(ctx context.Context) error {
	a.Program.Log.Explain("copying %s to %s", a.Program.Output.Path, a.Folder.Outputs())
	return copyTree(ctx, *a.Program.Output, a.to(a.Folder.Outputs(), a.OutputFailed))
}

func (a Application) from(path string, code int) pack.Options {
	return pack.Options{Path: path, Workers: a.Workers, Code: code, Tell: a.tell}
}

func (a Application) to(path string, code int) unpack.Options {
	return unpack.Options{
		Path: path, Workers: a.Workers, Code: code, Now: time.Now(), Tell: a.tell,
		// Both ends are on this node: what bounds its disk bounds the copy.
		Limits: unpack.Limits{Entries: math.MaxInt64, Bytes: math.MaxInt64, PathBytes: 4095},
	}
}

func (a Application) tell(line string) { a.Program.Log.Say("%s", line) }
