package server

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/pulls"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/usage"
)

// A plan was made with pulls that were known. Somebody may have pulled since.
func TestNothingIsUnchangedWhosePullsCannotBeRead(t *testing.T) {
	data := t.TempDir()
	record, err := pulls.Open(data, "oras-0", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	k := &Keeper{Volume: &usage.Volume{Data: data}, Pulls: record, Say: t.Logf}
	ask := func() *httptest.ResponseRecorder {
		answered := httptest.NewRecorder()
		body := `{"repository":"runs/a","digest":"sha256:` + strings.Repeat("0", 64) + `","tags":[]}`
		unchanged(answered, httptest.NewRequest(http.MethodPost, "/unchanged", strings.NewReader(body)), k.storage())
		return answered
	}
	if is := ask(); !strings.Contains(is.Body.String(), `"unchanged":true`) {
		t.Fatal(is.Code, is.Body)
	}
	// That of another Pod of the registry.
	other := filepath.Join(pulls.Folder(data), "oras-1")
	if err := os.Symlink(other, other); err != nil {
		t.Fatal(err)
	}
	if is := ask(); is.Code != http.StatusInternalServerError || strings.Contains(is.Body.String(), "true") {
		t.Error(is.Code, is.Body)
	}
}

func TestAPlanThatAKeeperWasKilledOverIsRemoved(t *testing.T) {
	data := t.TempDir()
	k := &Keeper{Volume: &usage.Volume{Data: data}, Say: t.Logf}
	folder := filepath.Dir(k.planFile())
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	names := func() (all []string) {
		entries, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			all = append(all, entry.Name())
		}
		return all
	}
	halfway := iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("a plan")))
	reads := readerFunc(func(p []byte) (int, error) {
		// What the keeper would leave that is killed by now.
		if all := names(); len(all) == 1 {
			if err := os.Link(filepath.Join(folder, all[0]), filepath.Join(folder, all[0]+"9")); err != nil {
				t.Error(err)
			}
		}
		return halfway.Read(p)
	})
	if err := replace(k.planFile(), reads); err == nil || len(names()) == 0 {
		t.Fatal(err, names())
	}
	if err := replace(k.planFile(), strings.NewReader("{}")); err != nil {
		t.Fatal(err)
	}
	if err := k.RemoveUnfinished(); err != nil {
		t.Error(err)
	}
	if left := names(); len(left) != 1 || left[0] != "plan" {
		t.Error(left)
	}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
