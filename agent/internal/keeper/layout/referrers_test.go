package layout

import (
	"strings"
	"testing"
)

func TestWhatIsSaidOfAnArtifactIsNone(t *testing.T) {
	digits := strings.Repeat("a", 64)
	for tag, is := range map[string]bool{
		"v1": true, "sha256": true, "sha256-" + digits[1:]: true, "sha512-" + digits + digits: true, "sha256-" + digits + "a": true,
		"sha256-" + digits: false, "sha256-" + digits + ".sig": false,
	} {
		if IsArtifact(tag) != is {
			t.Errorf("%s: %v", tag, !is)
		}
	}
}
