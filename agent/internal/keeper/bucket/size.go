package bucket

import (
	"context"
	"path"
	"regexp"
	"strings"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/layout"
)

// Size is what a folder holds: all that S3 counts, so also what a pass took and what uploads left.
type Size struct {
	Bytes   int64 `json:"bytes"`
	Objects int   `json:"objects"`
	// Artifacts are tags but for those of what is said of artifacts.
	Artifacts int `json:"artifacts"`
	// entries are those of the artifacts, by their repositories, whose tags are those of what is remembered of steps.
	entries map[string]int
}

// entry is the tag of what is remembered: the key of a step, or a hash of where it pushed (src/memo/entry.ts of the operator).
var entry = regexp.MustCompile(`^(?:output-)?[a-f0-9]{64}$`)

// Entries tells how many of the artifacts are what is remembered of steps in a repository.
func (s Size) Entries(repository string) int {
	return s.entries[repository]
}

// SizeOf lists the folder, a thousand objects by a request.
func SizeOf(ctx context.Context, c *Client) (Size, error) {
	found := Size{entries: map[string]int{}}
	err := c.List(ctx, "", func(object Object) error {
		found.Objects++
		found.Bytes += object.Size
		link, isTag := strings.CutSuffix(object.Key, "/current/link")
		if isTag && strings.HasPrefix(link, repositoryKeys) && layout.IsArtifact(path.Base(link)) {
			found.Artifacts++
			repository, isTagged := strings.CutSuffix(path.Dir(link), "/_manifests/tags")
			if isTagged && entry.MatchString(path.Base(link)) {
				found.entries[strings.TrimPrefix(repository, repositoryKeys)]++
			}
		}
		return nil
	})
	return found, err
}
