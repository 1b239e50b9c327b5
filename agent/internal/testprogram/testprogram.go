// Package testprogram finds the real programs that tests run against.
package testprogram

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// Find returns the path of a program that `make prepared` builds: by the pattern of its folder, such as "oras-v*", and
// its name. Without it the test is skipped, but not in CI, where everything is prepared.
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
	// What earlier commits have built may be there too.
	if len(found) > 0 {
		return slices.MaxFunc(found, func(a, b string) int { return builtAt(a).Compare(builtAt(b)) })
	}
	missing(t, name)
	return ""
}

// builtAt of a program that is gone by now is before all others.
func builtAt(program string) time.Time {
	info, err := os.Stat(program)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// Require is for a test that runs a program of a Debian package, such as "bsdtar". Without it the test is skipped, but
// not in CI.
func Require(t testing.TB, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		missing(t, name)
	}
}

func missing(t testing.TB, name string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is missing; run make prepared", name)
	}
	t.Skipf("%s is missing; run make prepared", name)
}
