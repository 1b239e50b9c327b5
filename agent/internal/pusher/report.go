package pusher

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strconv"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/compress"
	"github.com/converged-computing/oras-operator/agent/internal/artifact/manifest"
	"github.com/converged-computing/oras-operator/agent/internal/inputs"
	"github.com/converged-computing/oras-operator/agent/internal/registry"
)

// report pushes what a failed step has left. Whatever comes of it, the step ends as it would without.
func (r *runner) report(what Report) {
	ctx, cancel := context.WithCancel(r.ctx)
	r.pushes++
	r.stopPush = cancel
	number := r.pushes
	parts, blobs := r.partsOf(what.Parts)
	r.work.Go(func() {
		defer cancel()
		digest, err := r.pushReport(ctx, parts, blobs, what.Logs)
		if err != nil {
			r.Log.Say("what the failed step has left cannot be pushed to %s: %s", r.FailureOutput.Name(), err)
			r.tell(pushEnded{number, Reported{Left{Artifact: r.FailureOutput.Name()}}})
			return
		}
		r.tell(pushEnded{number, Reported{Left{r.FailureOutput.Name(), digest}}})
	})
}

func (r *runner) pushReport(ctx context.Context, parts []manifest.Part, blobs []registry.Blob, logs []int) (string, error) {
	for _, launcher := range logs {
		text, err := os.ReadFile(folder(r.Share.Kept(launcher)).log())
		if err != nil {
			return "", err
		}
		digest := manifest.DigestOf(text)
		sum := compress.Sum{Digest: digest, Size: int64(len(text))}
		parts = append(parts, manifest.Part{
			Title: logTitle(launcher), Mode: 0o644, Container: launcher + 1,
			Method: compress.Plain, Result: compress.Result{Content: sum, Blob: sum},
		})
		blobs = append(blobs, registry.Blob{Digest: digest, Size: sum.Size, Content: registry.Bytes(text)})
	}
	digests, err := inputs.ReadDigests(r.Share.Pulled())
	if err != nil {
		return "", err
	}
	artifact := manifest.Artifact{
		Repository: path.Base(r.FailureOutput.Repository), Parts: parts, Images: r.Images, Inputs: digests,
		Reference: r.FailureOutput.Name(), Code: r.PushFailed,
	}
	encoded, err := manifest.Encode(artifact)
	if err != nil {
		return "", err
	}
	repository, err := registry.Open(r.FailureOutput, impatient(r.Registry))
	if err != nil {
		return "", errors.New(r.asFailure(err).Message)
	}
	defer repository.Close()
	config := artifact.Config()
	blobs = append(blobs, registry.Blob{Digest: manifest.DigestOf(config), Size: int64(len(config)), Content: registry.Bytes(config)})
	pushed, err := repository.PushArtifact(ctx, blobs, manifest.TypeManifest, encoded)
	if err != nil {
		return "", fmt.Errorf("%w", err)
	}
	r.Log.Say("pushed what the failed step has left to %s@%s", r.FailureOutput.Name(), pushed.Digest)
	return pushed.Digest, nil
}

// reportPatience is how long a registry may be away before what a failed step has left is given up. The step waits for that
// with its end, and with its next attempt; the time that its author gives an output may be hours.
const reportPatience = 30 * time.Second

// impatient is a registry's options for what nothing depends on.
func impatient(o registry.Options) registry.Options {
	for _, limit := range []*time.Duration{&o.Timeout, &o.Stall} {
		if *limit <= 0 || *limit > reportPatience {
			*limit = reportPatience
		}
	}
	return o
}

// logTitle is the name of a log in the artifact: that of a further container has its number.
func logTitle(launcher int) string {
	if launcher == 0 {
		return "oras-log.txt"
	}
	return "oras-log-" + strconv.Itoa(launcher+1) + ".txt"
}
