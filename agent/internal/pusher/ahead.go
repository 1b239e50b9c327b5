package pusher

import (
	"context"
	"io"

	"github.com/converged-computing/oras-operator/agent/internal/registry"
)

// aheadFrom is the size of a blob, in bytes, from which it is sent while it is still made. A smaller one is made before a
// session has begun.
const aheadFrom = 8 << 20

// ahead sends the blob of an output to the registry while it is packed: packing takes the processor, sending the network.
// It is one try, of which nothing depends: PushArtifact asks for every blob, and pushes from the volume what is not there.
type ahead struct {
	upload *registry.Upload
	close  func()
}

// sendAhead begins. Nil: it does not. Of several wrapped containers another may still fail, and what was sent would be in
// the registry for nothing.
func (r *runner) sendAhead(blob io.ReadCloser) *ahead {
	repository, err := registry.Open(r.Output, r.Registry)
	if err != nil || len(r.Settings.Policies) > 1 {
		_ = blob.Close()
		return nil
	}
	return &ahead{repository.StartUpload(r.ctx, blob), repository.Close}
}

// giveUp ends an upload whose blob is not needed.
func (r *runner) giveUp(a *ahead) {
	if a == nil {
		return
	}
	r.work.Go(func() {
		a.upload.Cancel(r.ctx)
		a.close()
	})
}

// finish waits until a blob is sent that was begun ahead.
func (r *runner) finish(ctx context.Context, a *ahead, blob registry.Blob) {
	if a == nil {
		return
	}
	if err := a.upload.Commit(ctx, blob.Digest); err != nil {
		r.Log.Explain("%s could not be sent while it was made, and is sent again: %s", blob.Digest, err)
	}
}
