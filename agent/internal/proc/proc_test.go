package proc

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestTheParentOfAProcessWithAnyName(t *testing.T) {
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "7"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "7", "stat"), []byte("7 (a) S 1 (b)) S 42 7 7 0"), 0o600); err != nil {
		t.Fatal(err)
	}
	if found := Children(root, 42); !slices.Equal(found, []int{7}) {
		t.Errorf("%v", found)
	}
	if found := Children(root, 1); len(found) > 0 {
		t.Errorf("%v", found)
	}
}
