package main

import (
	"cmp"
	"context"
	"encoding/json"
	"math"
	"os"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/contract"
	"github.com/converged-computing/oras-operator/agent/internal/credentials"
	"github.com/converged-computing/oras-operator/agent/internal/failure"
	"github.com/converged-computing/oras-operator/agent/internal/inputs"
	"github.com/converged-computing/oras-operator/agent/internal/options"
	"github.com/converged-computing/oras-operator/agent/internal/reference"
	"github.com/converged-computing/oras-operator/agent/internal/registry"
	"github.com/converged-computing/oras-operator/agent/internal/room"
	"github.com/converged-computing/oras-operator/agent/internal/scripts"
	"github.com/converged-computing/oras-operator/agent/internal/share"
)

// install puts the agent on the share, and the author's own scripts.
func install(ctx context.Context, o options.Options) error {
	root := share.Root(o.Share)
	if err := root.Install(o.Containers); err != nil {
		return failure.Wrap(err, contract.ExitSetupFailed, "the agent cannot be put on the volume of the step: %s", err)
	}
	if o.ForgetOutputs {
		if err := root.ForgetOutputs(o.Containers); err != nil {
			return failure.Wrap(err, contract.ExitSetupFailed, "outputs of the round before cannot be removed from the volume of the step: %s", err)
		}
	}
	if o.Entrypoint == "" && o.OrasEntrypoint == "" {
		return nil
	}
	if err := root.MakeScripts(); err != nil {
		return failure.Wrap(err, contract.ExitSetupFailed, "the folder of the scripts cannot be made on the volume of the step: %s", err)
	}
	fetching := scripts.Fetching{CAFile: o.CaFile, Code: contract.ExitSetupFailed, Say: say, Explain: explain}
	part := root.Part(0)
	for _, script := range []struct{ address, path string }{{o.Entrypoint, part.Entrypoint()}, {o.OrasEntrypoint, part.OrasEntrypoint()}} {
		if script.address == "" {
			continue
		}
		if err := fetching.Fetch(ctx, script.address, script.path); err != nil {
			return err
		}
	}
	return copyLogins(ctx, o)
}

// copyLogins is for the author's script that pulls and pushes, if there is one.
func copyLogins(ctx context.Context, o options.Options) error {
	if o.DockerConfig == "" {
		return nil
	}
	logins, err := registryOptions(o, credentials.Push)
	if err != nil {
		return err
	}
	return scripts.Logins{Registry: logins, Code: contract.ExitSetupFailed, Say: say}.Copy(ctx, o.DockerConfig)
}

// pull is the init container: it installs the agent, pulls the inputs, and proves that the output may be pushed. What it
// returns is its termination message: what it has pulled, which the operator counts.
func pull(ctx context.Context, o options.Options) (string, error) {
	// Of a small input both take a few milliseconds, the one of the volume and the other of the network.
	pulling, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	installed := make(chan error, 1)
	go func() {
		err := install(ctx, o)
		if err != nil {
			cancel(err)
		}
		installed <- err
	}()
	said, err := pullAndProve(pulling, o)
	return said, cmp.Or(<-installed, err)
}

func pullAndProve(ctx context.Context, o options.Options) (string, error) {
	root := share.Root(o.Share)
	folders := make([]string, o.Containers)
	for i := range folders {
		folders[i] = root.Part(i).Inputs()
	}
	room, err := roomOf(o, o.Containers)
	if err != nil {
		return "", err
	}
	begun := time.Now()
	pulled, err := pullInputs(ctx, o, room, folders...)
	if err != nil {
		return "", err
	}
	said := reportOf(pulled, time.Since(begun))
	return said, provePush(ctx, o)
}

// reportOf tells what was pulled; nothing where there was no input. A blob that several inputs have was pulled once.
func reportOf(pulled []inputs.Input, took time.Duration) string {
	if len(pulled) == 0 {
		return ""
	}
	sizes := map[string]int64{}
	for _, input := range pulled {
		for _, layer := range input.Layers {
			sizes[layer.Digest] = layer.Size
		}
	}
	var bytes int64
	for _, size := range sizes {
		bytes += size
	}
	text, _ := json.Marshal(map[string]any{
		"pulled": map[string]any{"bytes": bytes, "seconds": took.Round(time.Millisecond).Seconds()},
	})
	return string(text)
}

// roomOf is how many bytes of inputs the volume of the step takes.
func roomOf(o options.Options, containers int) (int64, error) {
	if o.Limit == 0 {
		return math.MaxInt64, nil
	}
	room, err := share.Room(o.Limit, containers)
	if err != nil {
		return 0, failure.Wrap(err, contract.ExitSetupFailed, "the size of the agent is not known: %s", err)
	}
	return room, nil
}

// pullInputs pulls into folders that take so many bytes, and leaves the digests where only containers of the operator can
// write.
func pullInputs(ctx context.Context, o options.Options, room int64, folders ...string) ([]inputs.Input, error) {
	if len(o.Input) == 0 {
		return nil, nil
	}
	if o.MountedInputs {
		return nil, lookAtMounted(ctx, o)
	}
	source, err := sourceOf(o)
	if err != nil {
		return nil, err
	}
	pulled, err := inputs.Pull{Source: source, Folders: folders, Room: room}.Run(ctx)
	if err != nil {
		return nil, err
	}
	if err := inputs.WriteDigests(share.Root(o.Share).Pulled(), pulled); err != nil {
		return nil, failure.Wrap(err, contract.ExitSetupFailed, "the volume of the step cannot be written: %s", err)
	}
	return pulled, nil
}

// lookAtMounted is for inputs that are volumes of the Pod.
func lookAtMounted(ctx context.Context, o options.Options) error {
	source, err := sourceOf(o)
	if err != nil {
		return err
	}
	// Without this word the volume has what the author wrote, whatever was decided on.
	if os.Getenv(contract.InputPinnedVariable) == "" {
		if source.References, err = parseReferences(o.Input); err != nil {
			return err
		}
	}
	return inputs.Mounted{Source: source, Digests: share.Root(o.Share).Pulled()}.Look(ctx)
}

// sourceOf is where inputs come from.
func sourceOf(o options.Options) (inputs.Source, error) {
	references, err := parseReferences(o.Input)
	if err != nil {
		return inputs.Source{}, err
	}
	waiting := inputs.Waiting{
		Timeout: o.WaitTimeout, Began: share.Root(o.Share).Waiting(), NeverCame: contract.ExitInputNeverCame,
		Prove: func(ctx context.Context) error { return provePush(ctx, o) },
	}
	if o.WaitForInputs {
		decided := os.Getenv(contract.InputDigestsVariable)
		if references, waiting.For, err = inputs.Pin(references, decided); err != nil {
			return inputs.Source{}, failure.Wrap(err, contract.ExitSetupFailed, "the annotation %s of the Pod: %s", contract.InputDigestsAnnotation, err)
		}
		log.Explain("decided on the inputs: %q", decided)
	}
	reading, err := registryOptions(o, credentials.Pull)
	return inputs.Source{
		References: references, Waiting: waiting, Unpack: o.Unpack,
		InvalidCode: contract.ExitInputInvalid, SetupCode: contract.ExitSetupFailed, Registry: reading, Say: log.Say,
	}, err
}

// provePush proves that the output may be pushed, if there is one, and that there is room for it.
func provePush(ctx context.Context, o options.Options) error {
	if o.Output == "" {
		return nil
	}
	output, err := reference.Parse(o.Output)
	if err != nil {
		return err
	}
	writing, err := registryOptions(o, credentials.Push)
	if err != nil {
		return err
	}
	known, err := proveRoom(ctx, o, output)
	if err != nil {
		return err
	}
	repository, err := registry.Open(output, writing)
	if err == nil {
		defer repository.Close()
		err = repository.ProvePush(ctx)
	}
	// The registry may have come while its first answer was waited for, and a full one takes no uploads either.
	if err != nil || !known {
		if _, full := proveRoom(ctx, o, output); full != nil {
			return full
		}
	}
	if err != nil {
		return registry.ProofCodes().Failure("push to "+output.Name(), err)
	}
	log.Explain("%s takes uploads", output.Name())
	return nil
}

// proveRoom fails where the registry's keeper says that there is no room. It returns whether that is known.
func proveRoom(ctx context.Context, o options.Options, output reference.Reference) (bool, error) {
	if o.Keeper == "" {
		return true, nil
	}
	var login *room.Login
	var ca []byte
	if late := lateLogin(o); late != nil {
		ca, _ = late.CA() // Without it the keeper does not answer.
		if logins, err := late.Logins(output.Host, output.Repository); err == nil && len(logins) > 0 {
			login = &room.Login{Username: logins[0].Username, Password: logins[0].Password}
		}
	}
	found, err := room.Ask(ctx, o.Keeper, login, ca)
	if err != nil {
		log.Explain("how full the registry is, is not known: %s", err)
		return false, nil
	}
	if found.Refuse {
		return true, failure.New(contract.ExitRegistryFull, "%s", found.Full(o.Keeper))
	}
	return true, nil
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
