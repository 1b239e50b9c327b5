package bucket

import (
	"context"
	"path"
	"strings"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/layout"
)

// Size is what a folder holds: all that S3 counts, so also what a pass took and what uploads left.
type Size struct {
	Bytes   int64 `json:"bytes"`
	Objects int   `json:"objects"`
	// Artifacts are tags but for those of what is said of artifacts.
	Artifacts int `json:"artifacts"`
}

// SizeOf lists the folder, a thousand objects by a request.
func SizeOf(ctx context.Context, c *Client) (Size, error) {
	var found Size
	err := c.List(ctx, "", func(object Object) error {
		found.Objects++
		found.Bytes += object.Size
		link, isTag := strings.CutSuffix(object.Key, "/current/link")
		if isTag && strings.HasPrefix(link, repositoryKeys) && layout.IsArtifact(path.Base(link)) {
			found.Artifacts++
		}
		return nil
	})
	return found, err
}
