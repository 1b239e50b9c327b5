package testprogram

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// Mount puts an empty file system in memory on a directory, which it makes, until the test has ended. Who may not mount
// skips the test.
//
// options are those of tmpfs(5), such as "size=16m".
func Mount(t testing.TB, path, options string) {
	t.Helper()
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", path, "tmpfs", 0, options); err != nil {
		t.Skipf("needs to mount: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(path, unix.MNT_DETACH) })
}
