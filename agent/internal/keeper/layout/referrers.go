package layout

import "regexp"

var aboutAnother = regexp.MustCompile(`^sha256-[a-f0-9]{64}(?:\.[\w.-]+)?$`)

// IsArtifact says whether a tag names an artifact, and not what is said of another one, such as how it was made.
//
// See https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md, "Referrers Tag Schema".
func IsArtifact(tag string) bool {
	return !aboutAnother.MatchString(tag)
}
