package testprogram

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// What a server of S3 for tests has.
const S3Bucket, S3AccessKey, S3SecretKey = "artifacts", "0123456789", "0x12e10"

// StartS3 starts a real server of S3 with one bucket, and options beside the usual ones. It returns its host with its port, and
// where the objects of the bucket are files.
func StartS3(t testing.TB, options ...string) (host, objects string) {
	t.Helper()
	folder, host := t.TempDir(), FreeAddress(t)
	objects = filepath.Join(folder, "data", S3Bucket)
	for _, needed := range []string{objects, filepath.Join(folder, "metadata")} {
		if err := os.MkdirAll(needed, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	arguments := append([]string{"--port", host}, options...)
	server := exec.Command(Find(t, "versitygw*", "versitygw"), append(arguments,
		"posix", "--sidecar", filepath.Join(folder, "metadata"), filepath.Join(folder, "data"))...)
	server.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+S3AccessKey, "ROOT_SECRET_KEY="+S3SecretKey)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		connection, err := net.Dial("tcp", host)
		if err == nil {
			_ = connection.Close()
			return host, objects
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}
