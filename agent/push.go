package main

import (
	"context"
	"runtime"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/compress"
	"github.com/converged-computing/oras-operator/agent/internal/artifact/pack"
	"github.com/converged-computing/oras-operator/agent/internal/contract"
	"github.com/converged-computing/oras-operator/agent/internal/credentials"
	"github.com/converged-computing/oras-operator/agent/internal/inputs"
	"github.com/converged-computing/oras-operator/agent/internal/options"
	"github.com/converged-computing/oras-operator/agent/internal/pusher"
	"github.com/converged-computing/oras-operator/agent/internal/reference"
	"github.com/converged-computing/oras-operator/agent/internal/scripts"
	"github.com/converged-computing/oras-operator/agent/internal/share"
)

// sidecarOptions are those of the container oras beside an application script of the author's.
func sidecarOptions(o options.Options) (pusher.Options, error) {
	pushing, err := pusherOptions(o)
	if err != nil {
		return pushing, err
	}
	root := share.Root(o.Share)
	folder := root.Scripts()
	blobs := root.PulledInputs()
	room, err := roomOf(o, len(o.Policy))
	if err != nil {
		return pushing, err
	}
	into := unpackInto(folder.Inputs())
	// Here they lie on the volume unpacked, too. A packed file is given back as it is unpacked, and is hardly ever larger.
	into.Limits.Bytes, into.Limits.Of, into.Limits.Code = max(room, 1), " ("+contract.ShareSizeLimitAnnotation+")", contract.ExitInputInvalid
	bringing := scripts.Sidecar{Folder: folder, Code: contract.ExitSetupFailed, Bring: func(ctx context.Context) error {
		if len(o.Input) == 0 {
			return nil
		}
		if _, err := pullInputs(ctx, o, room, blobs); err != nil {
			return err
		}
		return inputs.Unpack{Into: inputs.Into{Target: into, Explain: log.Explain}, Folder: blobs, Remove: true}.Run(ctx)
	}}
	output := packFrom(folder.Outputs()+"/.", contract.ExitPushFailed)
	if o.Credentials != "" {
		// The script may make a link of the folder, to what only this container sees.
		output.LeaveOut = []pack.LeftOut{{Path: o.Credentials, What: "the step's Secret"}}
	}
	pushing.Scripts = &pusher.Scripts{Prepare: bringing.Prepare, Done: folder.Done(), Output: output}
	return pushing, nil
}

// formatImage is the value of the annotation format with which outputs are images, too.
const formatImage = "image"

// pusherOptions are those of every container that pushes.
func pusherOptions(o options.Options) (pusher.Options, error) {
	writing, err := registryOptions(o, credentials.Push)
	if err != nil {
		return pusher.Options{}, err
	}
	policies, err := options.Decode[pusher.Policy](o.Policy)
	if err != nil {
		return pusher.Options{}, err
	}
	methods := map[string]compress.Method{"auto": compress.Gzip, "gzip": compress.Gzip, "none": compress.Store, "zstd": compress.Zstd}
	pushing := pusher.Options{
		Settings: pusher.Settings{Policies: policies, HasOutput: o.Output != "", PushOn: pusher.PushOn(o.PushOn), OutputFailed: contract.ExitOutputFailed},
		Share:    share.Root(o.Share), Method: methods[o.Compression], Images: o.Image,
		Registry: writing, PushFailed: contract.ExitPushFailed, SetupFailed: contract.ExitSetupFailed, Log: log,
	}
	if o.FailureOutput != "" {
		pushing.Settings.KeepsFailure = true
		if pushing.FailureOutput, err = reference.Parse(o.FailureOutput); err != nil {
			return pushing, err
		}
	}
	if o.Format == formatImage {
		pushing.Architecture = runtime.GOARCH
	}
	if o.Output != "" {
		pushing.Output, err = reference.Parse(o.Output)
	}
	return pushing, err
}
