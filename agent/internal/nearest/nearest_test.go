package nearest_test

import (
	"testing"

	"github.com/converged-computing/oras-operator/agent/internal/nearest"
)

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"", "abc", 3}, {"kitten", "sitting", 3}, {"v1", "v2", 1}, {"latest", "lates", 1}} {
		if got := nearest.Distance(c.a, c.b); got != c.want || nearest.Distance(c.b, c.a) != c.want {
			t.Error(c, got)
		}
	}
}
