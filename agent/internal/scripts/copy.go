package scripts

import (
	"context"
	"io"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/pack"
	"github.com/converged-computing/oras-operator/agent/internal/artifact/unpack"
)

// copyTree puts what one step packs where another unpacks it: modes, links inside and sparse files are kept, and nothing
// stands under its final name before all is there. Errors are Failures of either side.
func copyTree(ctx context.Context, from pack.Options, to unpack.Options) error {
	output, err := pack.Describe(from)
	if err != nil {
		return err
	}
	target, err := unpack.Open(to)
	if err != nil {
		return err
	}
	defer target.Close()
	// As it is now: what changes under the copy fails it.
	size := output.Size
	err = output.Pipe(ctx, func(read io.Reader) error {
		if output.Directory {
			return target.Tar(ctx, read)
		}
		return target.File(ctx, output.Title, output.Mode, size, read)
	})
	if err != nil {
		return err
	}
	return target.Commit(ctx)
}
