package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/converged-computing/oras-operator/agent/internal/contract"
)

// registryPod is the Pod of a registry as processes: keeper-init, registry, keeper.
type registryPod struct {
	*pod
	key, auth, users, data  string
	registry, keeper, pages string
	log                     *syncBuffer
}

const testKey = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// derived is as the operator derives it.
func derived(purpose string) string {
	mac := hmac.New(sha256.New, []byte(testKey))
	_, _ = mac.Write([]byte(purpose))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func newRegistryPod(t *testing.T) *registryPod {
	p := &registryPod{pod: newPod(t, ""), key: t.TempDir(), auth: t.TempDir(), users: t.TempDir(), data: t.TempDir(), keeper: freeAddress(t), pages: freeAddress(t)}
	must(t, os.WriteFile(filepath.Join(p.key, "key"), []byte(testKey), 0o600))
	return p
}

func (p *registryPod) htpasswd() string { return filepath.Join(p.auth, "htpasswd") }

func (p *registryPod) writeUsers(lines ...string) {
	p.t.Helper()
	must(p.t, os.WriteFile(filepath.Join(p.users, "htpasswd"), []byte(strings.Join(lines, "\n")), 0o600))
}

func hashOf(t *testing.T, password string, cost int) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), cost)
	must(t, err)
	return string(hash)
}

func (p *registryPod) initialize(options ...string) *container {
	p.t.Helper()
	return p.start(append([]string{"keep-init", "--key=" + p.key, "--htpasswd=" + p.htpasswd(), "--user=oras-1", "--users=" + p.users}, options...)...)
}

func (p *registryPod) startRegistry() {
	p.t.Helper()
	p.registry, p.log = startRegistryIn(p.t, p.data, append(slices.Clone(sweptRegistry), "REGISTRY_AUTH_HTPASSWD_REALM=oras", "REGISTRY_AUTH_HTPASSWD_PATH="+p.htpasswd())...)
}

func (p *registryPod) startKeeper(options ...string) *container {
	p.t.Helper()
	keeper := p.preparedKeeper(options...)
	keeper.launch()
	p.t.Cleanup(func() {
		if p.t.Failed() {
			p.t.Logf("the keeper said: %s", keeper.stderr.String())
		}
	})
	p.untilItAnswers()
	return keeper
}

// preparedKeeper is a keeper that is not started yet.
func (p *registryPod) preparedKeeper(options ...string) *container {
	p.t.Helper()
	return p.prepared(append([]string{
		"keep", "--key=" + p.key, "--data=" + p.data, "--listen=" + p.keeper, "--metrics=" + p.pages, "--cache-uid=some-uid", "--user=oras-1",
	}, options...)...)
}

func (p *registryPod) untilItAnswers() {
	p.t.Helper()
	until(p.t, "the keeper", func() bool {
		answer, err := http.Get("http://" + p.keeper + "/healthz")
		if err != nil {
			return false
		}
		_ = answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	})
}

// login is the status of a request as a user, or as nobody.
func (p *registryPod) login(address, user, password string) int {
	p.t.Helper()
	request, err := http.NewRequest(http.MethodGet, "http://"+address, nil)
	must(p.t, err)
	if user != "" {
		request.SetBasicAuth(user, password)
	}
	answer, err := http.DefaultClient.Do(request)
	must(p.t, err)
	_ = answer.Body.Close()
	return answer.StatusCode
}

// says asks the keeper as the operator.
func (p *registryPod) says(method, path, body string) (int, string) {
	p.t.Helper()
	return p.saysTo(method, path, body, "Bearer "+derived("keeper"))
}

func (p *registryPod) saysTo(method, path, body, authorization string) (int, string) {
	p.t.Helper()
	request, err := http.NewRequest(method, "http://"+p.keeper+path, bytes.NewReader([]byte(body)))
	must(p.t, err)
	if authorization != "" {
		request.Header.Set("Authorization", authorization)
	}
	answer, err := http.DefaultClient.Do(request)
	must(p.t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	must(p.t, err)
	return answer.StatusCode, string(text)
}

func (p *registryPod) metrics() string {
	p.t.Helper()
	answer, err := http.Get("http://" + p.pages + "/metrics")
	must(p.t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	must(p.t, err)
	return string(text)
}

type keeperReport struct {
	Capacity, Used, Free, Bytes int64
	Artifacts                   int
	Mark                        struct{ Cache, Volume string }
	Users                       []string
	UsersProblems               []struct {
		Line    int
		Problem string
	}
	Problem, NotWritable, UsersFailure string
	Sweeping                           bool
	LastPass                           *struct {
		Swept, PutBack int
		DryRun         bool
		Seconds        float64
		Failure        string
	}
	Repositories []struct {
		Name  string
		Bytes int64
		Tags  []struct{ Name, Digest, Pushed string }
	}
}

func (p *registryPod) report() keeperReport {
	p.t.Helper()
	status, text := p.says(http.MethodGet, "/report", "")
	var found keeperReport
	decoder := json.NewDecoder(strings.NewReader(text))
	if err := decoder.Decode(&found); err != nil || status != http.StatusOK {
		p.t.Fatalf("%d, %v: %s", status, err, text)
	}
	return found
}

func TestARegistryHasItsUsersBeforeItStarts(t *testing.T) {
	p := newRegistryPod(t)
	p.writeUsers(
		"# people", "ada:"+hashOf(t, "engine", 4), "no colon", "bob:plain", "oras-1:"+hashOf(t, "mine now", 4), ":"+hashOf(t, "x", 4),
		"cleo:{SHA}5siv5c0SHx681xU6GiSx9ZQryqs=", "dan:"+hashOf(t, "slow", 7), "eve:"+hashOf(t, "old", 4), "eve:"+hashOf(t, "new", 4), "",
	)
	ends := p.initialize()
	wants(t, ends, 0, "")
	for _, said := range []string{"line 3: left out", "line 4: left out", "line 5: left out", "line 6: left out", "line 7: left out", "line 8: the hash of dan has cost 7", "line 10: eve is there twice"} {
		if !strings.Contains(ends.stderr.String(), said) {
			t.Errorf("it does not say %q:\n%s", said, ends.stderr.String())
		}
	}
	if strings.Contains(ends.stderr.String(), "$2a$") || strings.Contains(ends.stderr.String(), testKey) {
		t.Error("a hash or the key is in the log")
	}
	info, err := os.Stat(p.htpasswd())
	if must(t, err); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %s", info.Mode())
	}
	p.startRegistry()
	mine := derived("password/oras-1")
	for _, c := range []struct {
		user, password string
		want           int
	}{
		{"oras-1", mine, 200}, {"oras-1", "wrong", 401}, {"", "", 401}, {"oras-1", "mine now", 401}, {"oras-2", derived("password/oras-2"), 401},
		{"ada", "engine", 200}, {"bob", "plain", 401}, {"dan", "slow", 200}, {"eve", "new", 200}, {"eve", "old", 401}, {"docker", "", 401},
	} {
		if got := p.login(p.registry+"/v2/", c.user, c.password); got != c.want {
			t.Errorf("%s with %q: %d, want %d", c.user, c.password, got, c.want)
		}
	}
	if strings.Contains(p.log.String(), "provisioning with default user") {
		t.Error(p.log.String())
	}
	// Started again, it leaves the file alone.
	before := contentOf(t, p.htpasswd())
	wants(t, p.initialize(), 0, "")
	if contentOf(t, p.htpasswd()) != before {
		t.Error("the file was written again")
	}
}

func TestVariablesThatTheOperatorDecides(t *testing.T) {
	p := newRegistryPod(t)
	environment := t.TempDir()
	for _, name := range []string{"REGISTRY_STORAGE_S3_BUCKET", "REGISTRY_LOG_LEVEL", "REGISTRY_HTTP_RELATIVEURLS", "..data", "HTTP_PROXY"} {
		must(t, os.WriteFile(filepath.Join(environment, name), []byte("its value"), 0o600))
	}
	wants(t, p.initialize("--environment="+environment), 0, "")
	c := p.initialize("--environment="+environment, "--storage-written")
	wants(t, c, contract.ExitEnvConflicts, "has REGISTRY_STORAGE_S3_BUCKET, which the OrasCache decides")
	for _, name := range []string{"REGISTRY_AUTH_SILLY_REALM", "REGISTRY_AUTH", "REGISTRY_NOTIFICATIONS_ENDPOINTS", "REGISTRY_HTTP_ADDR", "REGISTRY_HTTP_TLS_KEY", "REGISTRY_HTTP_DEBUG_ADDR", "REGISTRY_HTTP_SECRET", "REGISTRY_HTTP"} {
		folder := t.TempDir()
		must(t, os.WriteFile(filepath.Join(folder, name), []byte("its value"), 0o600))
		c := p.initialize("--environment=" + folder)
		wants(t, c, contract.ExitEnvConflicts, "has "+name+", ")
		if strings.Contains(c.stderr.String(), "its value") {
			t.Error("a value is in the log")
		}
		// Where the registry asks for no password, whoever runs it may have one of their own.
		open := p.start("keep-init", "--environment="+folder)
		if strings.HasPrefix(name, "REGISTRY_AUTH") {
			wants(t, open, 0, "")
		} else {
			wants(t, open, contract.ExitEnvConflicts, "has "+name+", ")
		}
	}
}

func TestAKeyThatIsNone(t *testing.T) {
	p := newRegistryPod(t)
	for _, text := range []string{"", testKey + "\n", testKey[1:], testKey + "A", strings.Repeat("ä", 21) + "A"} {
		must(t, os.WriteFile(filepath.Join(p.key, "key"), []byte(text), 0o600))
		wants(t, p.initialize(), contract.ExitSetupFailed, "that are no key: 43 of base64url are")
	}
	if _, err := os.Stat(p.htpasswd()); err == nil {
		t.Error("there are users")
	}
}

func TestTheKeeperOfARegistry(t *testing.T) {
	p := newRegistryPod(t)
	p.writeUsers("ada:" + hashOf(t, "engine", 4))
	wants(t, p.initialize(), 0, "")
	p.startRegistry()
	keeper := p.startKeeper("--htpasswd="+p.htpasswd(), "--users="+p.users, "--limit=1000000000")

	// Who may ask for what.
	for _, c := range []struct{ method, path, body string }{{"GET", "/report", ""}, {"POST", "/sweep", `{"grace":0}`}, {"PUT", "/users", `["oras-9"]`}} {
		for _, authorization := range []string{"", "Bearer ", "Bearer wrong", "Basic " + derived("keeper"), "Bearer " + testKey, "Bearer " + derived("password/oras-1")} {
			if status, _ := p.saysTo(c.method, c.path, c.body, authorization); status != http.StatusUnauthorized {
				t.Errorf("%s %s as %q: %d", c.method, c.path, authorization, status)
			}
		}
	}
	first, second := derived("password/oras-1"), derived("password/oras-2")
	for _, c := range []struct {
		user, password string
		want           int
	}{{"", "", 401}, {"oras-1", first, 200}, {"oras-1", "wrong", 401}, {"oras-2", second, 401}, {"ada", "engine", 200}, {"ada", "wrong", 401}, {"nobody", "", 401}} {
		if got := p.login(p.keeper+"/room", c.user, c.password); got != c.want {
			t.Errorf("room for %s: %d, want %d", c.user, got, c.want)
		}
	}

	// What is there, users may know who may pull it.
	for _, c := range []struct {
		authorization string
		want          int
	}{{"", 401}, {"Bearer wrong", 401}, {"Bearer " + first, 401}, {basic("oras-1", "wrong"), 401}, {basic("nobody", ""), 401}, {basic("oras-1", first), 200}, {basic("ada", "engine"), 200}, {"Bearer " + derived("keeper"), 200}} {
		if status, _ := p.saysTo(http.MethodGet, "/manifests", "", c.authorization); status != c.want {
			t.Errorf("manifests as %q: %d, want %d", c.authorization, status, c.want)
		}
	}
	for _, c := range []struct{ method, path string }{{"POST", "/unchanged"}, {"GET", "/plan"}, {"PUT", "/plan"}} {
		if status, _ := p.saysTo(c.method, c.path, "{}", basic("oras-1", first)); status != http.StatusUnauthorized {
			t.Errorf("%s %s as a user: %d", c.method, c.path, status)
		}
	}

	// A rotation: both, then the new one alone, with the registry running; a keeper that is started again goes on with it.
	if status, text := p.says(http.MethodPut, "/users", `["oras-2","oras-1"]`); status != 200 || !strings.Contains(text, `["oras-1","oras-2"]`) {
		t.Errorf("%d %s", status, text)
	}
	is := func(user, password string, want int) {
		t.Helper()
		if got := p.login(p.registry+"/v2/", user, password); got != want {
			t.Errorf("%s: %d, want %d", user, got, want)
		}
	}
	is("oras-1", first, 200)
	is("oras-2", second, 200)
	must(t, keeper.Process.Signal(syscall.SIGTERM))
	wants(t, keeper, 0, "")
	keeper = p.startKeeper("--htpasswd="+p.htpasswd(), "--users="+p.users, "--limit=1000000000")
	is("oras-2", second, 200)
	p.says(http.MethodPut, "/users", `["oras-2"]`)
	is("oras-1", first, 401)
	is("oras-2", second, 200)
	is("ada", "engine", 200)
	for _, body := range []string{"", "null", "[]", `["ada"]`, `["oras-0"]`, `["oras-1"] x`, `["oras-1\n"]`, "[" + strings.Repeat(`"oras-1",`, 16) + `"oras-1"]`, strings.Repeat(" ", 5000) + `["oras-1"]`} {
		if status, _ := p.says(http.MethodPut, "/users", body); status != http.StatusBadRequest {
			t.Errorf("%q: %d", body, status)
		}
	}

	// What there is.
	report := p.report()
	if report.Capacity != 1000000000 || report.Used <= 0 || report.Free > 1000000000-report.Used || report.Artifacts != 0 || report.Mark.Cache != "some-uid" || report.Mark.Volume == "" || !slices.Equal(report.Users, []string{"oras-2"}) || len(report.UsersProblems)+len(report.Problem)+len(report.NotWritable)+len(report.UsersFailure) > 0 {
		t.Errorf("%+v", report)
	}
	if status, text := p.says(http.MethodGet, "/metrics", ""); status != http.StatusNotFound {
		t.Errorf("%d %s", status, text)
	}
	if got := p.login(p.pages+"/report", "", ""); got != http.StatusNotFound {
		t.Error(got)
	}
	must(t, keeper.Process.Signal(syscall.SIGTERM))
	wants(t, keeper, 0, "")
	for _, secret := range []string{testKey, first, second, derived("keeper"), "$2a$"} {
		if strings.Contains(keeper.stderr.String(), secret) {
			t.Errorf("a secret is in the log: %s", keeper.stderr.String())
		}
	}
}

// An open registry: what is pushed is reported, and goes when it is deleted.
func TestTheKeeperReportsAndSweeps(t *testing.T) {
	p := newRegistryPod(t)
	debug := freeAddress(t)
	host, _ := startRegistryIn(t, p.data, append(slices.Clone(sweptRegistry), "REGISTRY_HTTP_DEBUG_ADDR="+debug, "REGISTRY_HTTP_DEBUG_PROMETHEUS_ENABLED=true")...)
	keeper := p.startKeeper("--registry-metrics=http://" + debug + "/metrics")
	if got := p.login(p.keeper+"/room", "", ""); got != http.StatusOK {
		t.Error(got)
	}
	if status, room := p.says(http.MethodGet, "/room", ""); status != http.StatusOK || !strings.Contains(room, `"refuseAt":95,"refuse":false`) {
		t.Error(status, room)
	}
	if status, _ := p.says(http.MethodPut, "/users", `["oras-1"]`); status != http.StatusConflict {
		t.Error(status)
	}
	w := newTraffic(t, host)
	w.push(1)
	w.push(2)
	mark := p.report().Mark
	report := p.report()
	if status, brief := p.says(http.MethodGet, "/report?repositories=false", ""); status != http.StatusOK || !strings.Contains(brief, `"repositories":[],`) || !strings.Contains(brief, fmt.Sprintf(`"artifacts":%d,`, report.Artifacts)) {
		t.Error(status, brief)
	}
	remembering := report.Repositories[0]
	if _, brief := p.says(http.MethodGet, "/report?repositories=false&memo="+url.QueryEscape(remembering.Name), ""); !strings.Contains(brief, fmt.Sprintf(`"artifacts":%d,`, report.Artifacts-len(remembering.Tags))) {
		t.Error(brief)
	}
	tags, bytes := 0, int64(0)
	for _, repository := range report.Repositories {
		tags, bytes = tags+len(repository.Tags), bytes+repository.Bytes
		for _, tag := range repository.Tags {
			if !slices.ContainsFunc(w.kept, func(a pushedArtifact) bool { return a.digest == tag.Digest && a.repository == repository.Name }) || tag.Pushed == "" {
				t.Errorf("%+v", tag)
			}
		}
	}
	if report.Artifacts != 2 || tags != 2 || report.Bytes <= 0 || bytes < report.Bytes || report.Mark != mark || report.Capacity <= report.Used || report.LastPass != nil {
		t.Errorf("%+v", report)
	}

	for _, body := range []string{"", "{}", `{"grace":-1}`, `{"grace":1e300}`, `{"grace":"1h"}`, `{"grace":0,"dry":true}`} {
		if status, _ := p.says(http.MethodPost, "/sweep", body); status != http.StatusBadRequest {
			t.Errorf("%s: %d", body, status)
		}
	}
	for range 2 {
		w.deleteAt(0)
	}
	sweep := func(body string) keeperReport {
		t.Helper()
		if status, text := p.says(http.MethodPost, "/sweep", body); status != http.StatusAccepted {
			t.Fatal(status, text)
		}
		var found keeperReport
		until(t, "the end of the sweep", func() bool { found = p.report(); return !found.Sweeping })
		return found
	}
	if kept := sweep(`{"grace":3600}`); kept.LastPass.Swept != 0 || kept.LastPass.Failure != "" || kept.Bytes == 0 {
		t.Errorf("%+v", kept.LastPass)
	}
	told := sweep(`{"grace":0,"dryRun":true}`)
	done := sweep(`{"grace":0}`)
	if told.LastPass.Swept == 0 || !told.LastPass.DryRun || done.LastPass.Swept != told.LastPass.Swept || done.Bytes != 0 || done.Artifacts != 0 || len(done.Repositories) != 0 {
		t.Errorf("told %+v, done %+v", told.LastPass, done)
	}

	// A long pass: another does not begin beside it, and the end of the Pod does not wait for it.
	w.push(3)
	w.deleteAt(0)
	if status, _ := p.says(http.MethodPost, "/sweep", `{"grace":0}`); status != http.StatusAccepted {
		t.Error(status)
	}
	if status, text := p.says(http.MethodPost, "/sweep", `{"grace":0}`); status != http.StatusConflict || !p.report().Sweeping {
		t.Error(status, text)
	}
	metrics := p.metrics()
	for _, name := range []string{"orascache_sweep_passes_total 2\n", "orascache_used_bytes ", "# TYPE orascache_sweep_blobs_total counter\n", "registry_http_requests_total"} {
		if !strings.Contains(metrics, name) {
			t.Errorf("%s is missing in\n%s", name, metrics)
		}
	}
	must(t, keeper.Process.Signal(syscall.SIGTERM))
	wants(t, keeper, 0, "")
}

// Kills come while files are in the trash; a keeper that is stopped decides by what it saw long ago.
func TestAKeeperThatIsKilledOrStoppedBreaksNothing(t *testing.T) {
	rounds := 4
	over := func(round int) bool { return round >= rounds }
	if soak, is := soakFor(t); is {
		until := time.Now().Add(soak / 3)
		over = func(int) bool { return time.Now().After(until) }
	}
	p := newRegistryPod(t)
	host, _ := startRegistryIn(t, p.data, sweptRegistry...)
	w := startTraffic(t, host, 2)
	taken := func() int {
		found, err := filepath.Glob(filepath.Join(p.data, ".oras-operator/trash/*/*/*/*"))
		must(t, err)
		return len(found)
	}
	const sweep = `{"grace":3}`
	for round := 0; !over(round); round++ {
		keeper := p.startKeeper()
		before := taken()
		until(t, "something in the trash", func() bool {
			p.says(http.MethodPost, "/sweep", sweep) // Until a pass finds something.
			return taken() != before
		})
		if round%2 == 1 {
			pushes := w.pushes.Load()
			must(t, keeper.Process.Signal(syscall.SIGSTOP))
			until(t, "pushes beside it", func() bool { return w.pushes.Load() > pushes+10 })
			must(t, keeper.Process.Signal(syscall.SIGCONT))
			until(t, "the end of the pass", func() bool { return !p.report().Sweeping })
		}
		must(t, keeper.Process.Kill())
		_, _ = keeper.end()
	}
	w.end()
	p.startKeeper()
	p.says(http.MethodPost, "/sweep", sweep)
	var last keeperReport
	until(t, "the last pass", func() bool { last = p.report(); return !last.Sweeping })
	for _, err := range w.broken() {
		t.Errorf("broken: %v", err)
	}
	if gone := w.gone.Load(); gone > 0 {
		t.Errorf("%d artifacts could not be deleted", gone)
	}
	if first := w.firstFailure.Load(); first != nil {
		t.Errorf("%d pushes failed, the first: %s", w.failed.Load(), *first)
	}
	t.Logf("%s; the last pass: %+v", w, *last.LastPass)
}

// The setting works because no such cache is known, after a warning; a registry that refuses it is to be seen here.
func TestARegistryRemembersNoBlobs(t *testing.T) {
	data := t.TempDir()
	host, _ := startRegistryIn(t, data, append([]string{"REGISTRY_STORAGE_CACHE={blobdescriptor: inmemory}"}, sweptRegistry...)...)
	w := newTraffic(t, host)
	w.push(1)
	artifact := w.kept[0]
	must(t, w.whole(artifact))
	slices.Sort(artifact.blobs)
	for _, blob := range slices.Compact(artifact.blobs) {
		must(t, os.Remove(filepath.Join(data, "docker/registry/v2/repositories", artifact.repository, "_layers/sha256", strings.TrimPrefix(blob, "sha256:"), "link")))
		if _, err := w.content(w.address(artifact, "blobs", blob)); fmt.Sprint(err) != w.address(artifact, "blobs", blob)+": 404 Not Found" {
			t.Errorf("after its link was removed: %v", err)
		}
	}
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}
