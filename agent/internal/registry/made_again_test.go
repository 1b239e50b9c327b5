package registry

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// forgetful is a registry that can lose all that it has.
func forgetful(t *testing.T) (*server, func()) {
	t.Helper()
	data := t.TempDir()
	s := startServer(t, "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY="+data)
	return s, func() {
		s.kill()
		if err := os.RemoveAll(filepath.Join(data, "docker")); err != nil {
			t.Error(err)
		}
	}
}

// lif-35: the OrasCache is deleted while a step pushes. A registry that is made again begins empty, whatever it had of the push.
func TestARegistryThatIsMadeAgainInMidPush(t *testing.T) {
	for name, at := range map[string]int{"in the first blob": 0, "in the second blob": 1, "in the last blob": 2} {
		t.Run(name, func(t *testing.T) {
			s, lose := forgetful(t)
			r, _ := open(t, place(t, s.host, "a:b"), nil)
			contents := [][]byte{noise(8 << 20), noise(9 << 20), noise(10 << 20)}
			blobs, manifest := artifact(contents...)
			isLost := false
			for i, content := range contents {
				blobs[i].Content = Bytes(content)
			}
			blobs[at].Content = stopping(contents[at], func() {
				isLost = true
				lose()
				s.start()
			})
			pushed, err := r.PushArtifact(context.Background(), blobs, manifestType, manifest)
			if err != nil || pushed.Digest != digestOf(manifest) || !isLost {
				t.Fatal(pushed, err, isLost)
			}
			for _, blob := range blobs {
				if content, err := readBlob(r, blob.Digest, blob.Size); err != nil || digestOf(content) != blob.Digest {
					t.Error(len(content), err)
				}
			}
		})
	}
}

// One that is not made again is named, and nothing of the push is seen by whoever asks the next one.
func TestARegistryThatIsDeletedInMidPush(t *testing.T) {
	s, lose := forgetful(t)
	r, _ := open(t, place(t, s.host, "a:b"), nil)
	content := noise(8 << 20)
	blobs, manifest := artifact(content)
	blobs[0].Content = stopping(content, lose)
	_, err := r.PushArtifact(context.Background(), blobs, manifestType, manifest)
	if err == nil || !strings.Contains(err.Error(), s.host) {
		t.Error("it does not name the registry: ", err)
	}
	s.start()
	if _, err := r.Manifest(context.Background()); As(err) == nil || As(err).Kind != NotFound {
		t.Error("half an artifact is seen: ", err)
	}
}
