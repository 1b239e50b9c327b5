package testprogram

import (
	"os"
	"os/exec"
	"path/filepath"
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

// MountDisk puts an empty ext4 of a size on a directory, until the test has ended: other than in memory, folders take room
// there, too. Who may not mount skips the test.
func MountDisk(t testing.TB, path string, size int64) {
	t.Helper()
	Require(t, "mkfs.ext4")
	image := filepath.Join(t.TempDir(), "image")
	file, err := os.Create(image)
	if err == nil {
		err = file.Truncate(size)
		_ = file.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mkfs.ext4", "-q", "-m", "0", image).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if out, err := exec.Command("mount", "-o", "loop", image, path).CombinedOutput(); err != nil {
		t.Skipf("needs to mount: %v: %s", err, out)
	}
	t.Cleanup(func() { _ = unix.Unmount(path, unix.MNT_DETACH) })
}
