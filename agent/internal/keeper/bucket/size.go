package bucket

import (
	"context"
	"strings"
)

// Size is what a folder holds: all that S3 counts, so also what a pass took and what uploads left.
type Size struct {
	Bytes   int64 `json:"bytes"`
	Objects int   `json:"objects"`
	// Artifacts are tags.
	Artifacts int `json:"artifacts"`
}

// SizeOf lists the folder, a thousand objects by a request.
func SizeOf(ctx context.Context, c *Client) (Size, error) {
	var found Size
	err := c.List(ctx, "", func(object Object) error {
		found.Objects++
		found.Bytes += object.Size
		if strings.HasPrefix(object.Key, repositoryKeys) && strings.HasSuffix(object.Key, "/current/link") {
			found.Artifacts++
		}
		return nil
	})
	return found, err
}
