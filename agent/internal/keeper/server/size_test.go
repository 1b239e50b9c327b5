package server

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/bucket"
	"github.com/converged-computing/oras-operator/agent/internal/testprogram"
)

func TestMain(m *testing.M) { os.Exit(testprogram.Main(m)) }

type toldSize struct {
	Bytes, Objects, Artifacts int
	Measured                  *time.Time
	Problem                   string
	Users                     []string
}

func inS3(t *testing.T, secretKey string) (k *Keeper, folder string) {
	t.Helper()
	host, objects := testprogram.StartS3(t)
	client := &bucket.Client{Endpoint: "http://" + host, Bucket: testprogram.S3Bucket, Region: "us-east-1", Folder: "ns/oras", AccessKey: testprogram.S3AccessKey, SecretKey: secretKey}
	return &Keeper{Bucket: &bucket.Folder{Client: client}, Say: t.Logf}, filepath.Join(objects, "ns/oras")
}

func (k *Keeper) tells(t *testing.T) (told toldSize) {
	t.Helper()
	return k.tellsTo(t, "")
}

func (k *Keeper) tellsTo(t *testing.T, query string) (told toldSize) {
	t.Helper()
	answered := httptest.NewRecorder()
	k.report(t.Context(), answered, httptest.NewRequest(http.MethodGet, "/report"+query, nil))
	if err := json.Unmarshal(answered.Body.Bytes(), &told); err != nil {
		t.Fatal(err, answered.Body)
	}
	return told
}

func put(t *testing.T, folder, key, content string) {
	t.Helper()
	path := filepath.Join(folder, key)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAReportHasTheSizeOfAFolder(t *testing.T) {
	k, folder := inS3(t, testprogram.S3SecretKey)
	put(t, folder, "docker/registry/v2/blobs/sha256/ab/abc/data", "12345")
	put(t, folder, "docker/registry/v2/repositories/a/b/_manifests/tags/v1/current/link", "sha256:abc")
	put(t, folder, ".oras-operator/trash/1/docker/registry/v2/blobs/sha256/cd/cde/data", "123")
	first := k.tells(t)
	if first.Bytes != 18 || first.Objects != 3 || first.Artifacts != 1 || first.Measured == nil || first.Problem != "" || first.Users == nil {
		t.Fatalf("%+v", first)
	}
	// Each listing costs: what was counted lately is told again, until a sweep has ended.
	put(t, folder, "docker/registry/v2/blobs/sha256/ef/efa/data", "1")
	if again := k.tells(t); again.Bytes != 18 || !again.Measured.Equal(*first.Measured) {
		t.Errorf("%+v", again)
	}
	k.measured.isOld = true
	k.tells(t)
	k.Wait()
	if again := k.tells(t); again.Bytes != 19 || again.Objects != 4 {
		t.Errorf("%+v", again)
	}
}

// What is remembered of steps has tags that no person wrote, in a repository that the operator names.
func TestAReportDoesNotCountWhatIsRemembered(t *testing.T) {
	k, folder := inS3(t, testprogram.S3SecretKey)
	key := strings.Repeat("ab", 32)
	for _, tag := range []string{"a/b/_manifests/tags/v1", "a/b/_manifests/tags/" + key, "oras-memo/_manifests/tags/" + key, "oras-memo/_manifests/tags/output-" + key, "oras-memo/_manifests/tags/by-hand", "team/memo/_manifests/tags/" + key} {
		put(t, folder, "docker/registry/v2/repositories/"+tag+"/current/link", "sha256:abc")
	}
	for query, want := range map[string]int{"": 6, "?memo=oras-memo": 4, "?memo=team/memo": 5, "?memo=a%2Fb": 5, "?memo=none": 6} {
		if told := k.tellsTo(t, query); told.Artifacts != want {
			t.Errorf("%q: %d artifacts, want %d", query, told.Artifacts, want)
		}
	}
}

func TestAFolderThatCannotBeCountedIsSaid(t *testing.T) {
	k, _ := inS3(t, "another")
	if told := k.tells(t); told.Measured != nil || !strings.Contains(told.Problem, "SignatureDoesNotMatch: correct accessKey and secretKey") {
		t.Errorf("%+v", told)
	}
}

func TestWhenAFolderIsCounted(t *testing.T) {
	now := time.Now()
	for name, c := range map[string]struct {
		measured
		is bool
	}{
		"never":                {measured{}, true},
		"lately":               {measured{tried: now.Add(-time.Minute)}, false},
		"long ago":             {measured{tried: now.Add(-measuredEvery)}, true},
		"before a sweep":       {measured{tried: now.Add(-time.Minute), isOld: true}, true},
		"while it is":          {measured{tried: now.Add(-2 * measuredEvery), runs: make(chan struct{})}, false},
		"in vain, lately":      {measured{tried: now.Add(-time.Minute), problem: "403"}, false},
		"in vain, a while ago": {measured{tried: now.Add(-measuredAgain), problem: "403"}, true},
	} {
		if is := c.isDue(now); is != c.is {
			t.Errorf("%s: %v", name, is)
		}
	}
}
