package server

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
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
		k.unchanged(answered, httptest.NewRequest(http.MethodPost, "/unchanged", strings.NewReader(body)))
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
