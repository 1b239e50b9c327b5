// Package testprogram finds the real programs that tests run against, which `make prepared` builds.
package testprogram

import (
	"os"
	"path/filepath"
	"testing"
)

// Find returns the path of a program: by the pattern of its folder, such as "oras-v*", and its name. Without it the test
// is skipped, but not in CI, where everything is prepared.
func Find(t testing.TB, folder, name string) string {
	t.Helper()
	cache := os.Getenv("ORAS_OPERATOR_CACHE")
	if cache == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		cache = filepath.Join(base, "oras-operator")
	}
	found, err := filepath.Glob(filepath.Join(cache, "bin", folder, name))
	if err != nil {
		t.Fatal(err)
	}
	if len(found) > 0 {
		return found[len(found)-1]
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is not built; run make prepared", name)
	}
	t.Skipf("%s is not built; run make prepared", name)
	return ""
}
