package main

import (
	"bufio"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/contract"
	"github.com/converged-computing/oras-operator/agent/internal/testprogram"
)

type toldPush struct{ Repository, Tag, Digest, UserAgent string }

// follows has the pushes that the keeper tells of as they come.
func (p *registryPod) follows(client *http.Client, url string) <-chan toldPush {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, url+"/pushes", nil)
	must(p.t, err)
	request.Header.Set("Authorization", "Bearer "+derived("keeper"))
	answer, err := client.Do(request)
	must(p.t, err)
	p.t.Cleanup(func() { _ = answer.Body.Close() })
	if answer.StatusCode != http.StatusOK {
		p.t.Fatal(answer.StatusCode)
	}
	lines := bufio.NewScanner(answer.Body)
	if !lines.Scan() || lines.Text() != "" {
		p.t.Fatalf("%q %v", lines.Text(), lines.Err())
	}
	told := make(chan toldPush)
	go func() {
		defer close(told)
		for lines.Scan() {
			if lines.Text() == "" {
				continue
			}
			var push toldPush
			if err := json.Unmarshal(lines.Bytes(), &push); err != nil {
				p.t.Errorf("%q: %v", lines.Text(), err)
			}
			told <- push
		}
	}()
	return told
}

// next is the next push that is told of.
func next(t *testing.T, told <-chan toldPush) toldPush {
	t.Helper()
	select {
	case push, is := <-told:
		if !is {
			t.Fatal("the keeper tells no more")
		}
		return push
	case <-time.After(longest):
		t.Fatal("waited in vain for a push")
	}
	panic("unreachable")
}

func TestAKeeperTellsOfPushesAsTheyCome(t *testing.T) {
	p := newRegistryPod(t)
	events := freeAddress(t)
	p.tellingRegistry(events)
	p.startKeeper("--events=" + events)
	told := p.follows(http.DefaultClient, "http://"+p.keeper)

	t.Setenv(contract.RequestVariable, "5b0c0d3e-push")
	makes(t, "http://"+p.registry+"/runs/step:1", "mkdir out; echo a > out/a", "--output-path", "out")
	push := next(t, told)
	if push.Repository != "runs/step" || push.Tag != "1" || push.Digest != digestAt(t, p.registry, "runs/step", "1") || push.UserAgent != "oras-operator-agent request/5b0c0d3e-push" {
		t.Errorf("%+v", push)
	}

	// By a tag, again, and by its digest. Pulls are nobody's business here.
	tagged := p.putArtifact("runs/a", "t")
	p.read(http.MethodGet, "/v2/runs/a/manifests/t", "oras/1.3.6")
	p.putArtifact("runs/a", "t")
	untagged := p.putArtifact("runs/a", "")
	for _, want := range []toldPush{{"runs/a", "t", tagged, ""}, {"runs/a", "t", tagged, ""}, {"runs/a", "", untagged, ""}} {
		push := next(t, told)
		push.UserAgent = ""
		if push != want {
			t.Errorf("%+v, expected %+v", push, want)
		}
	}

	var lags []time.Duration
	for range 50 {
		p.putArtifact("runs/a", "t")
		pushed := time.Now()
		next(t, told)
		lags = append(lags, time.Since(pushed))
	}
	slices.Sort(lags)
	t.Logf("50 pushes are told of %s (p50) and %s (longest) after the registry's answer", lags[25], lags[49])
}

func TestOnlyTheOperatorIsToldOfPushes(t *testing.T) {
	p := newRegistryPod(t)
	wants(t, p.initialize(), 0, "")
	p.startKeeper("--events="+freeAddress(t), "--htpasswd="+p.htpasswd())
	for _, authorization := range []string{"", "Bearer " + derived("other"), basic("oras-1", derived("password/oras-1"))} {
		if status, text := p.saysTo(http.MethodGet, "/pushes", "", authorization); status != http.StatusUnauthorized {
			t.Errorf("%q: %d %s", authorization, status, text)
		}
	}
	if status, _ := p.says(http.MethodPost, "/pushes", ""); status != http.StatusMethodNotAllowed {
		t.Error(status)
	}
	// The registry tells it of nothing: who asks should not wait.
	q := newRegistryPod(t)
	q.startKeeper()
	if status, _ := q.says(http.MethodGet, "/pushes", ""); status != http.StatusNotFound {
		t.Error(status)
	}
}

// The keeper goes at once; what it did not tell of, it tells nobody.
func TestAKeeperThatEndsEndsWhatIsOpen(t *testing.T) {
	p := newRegistryPod(t)
	events := freeAddress(t)
	p.tellingRegistry(events)
	keeper := p.startKeeper("--events=" + events)
	told := p.follows(http.DefaultClient, "http://"+p.keeper)
	must(t, keeper.Process.Signal(syscall.SIGTERM))
	wants(t, keeper, 0, "")
	if push, is := <-told; is {
		t.Error(push)
	}
	p.startKeeper("--events=" + events)
	told = p.follows(http.DefaultClient, "http://"+p.keeper)
	digest := p.putArtifact("runs/a", "t")
	if push := next(t, told); push.Digest != digest {
		t.Error(push)
	}
}

func TestAKeeperOfABucketTellsOfPushesOverTLS(t *testing.T) {
	endpoint, _ := startS3(t)
	p := newTLSPod(t)
	wants(t, p.initialize(p.options...), 0, "")
	events := freeAddress(t)
	p.tellingRegistry(events, bucketEnvironment(endpoint)...)
	t.Setenv("AWS_ACCESS_KEY_ID", testprogram.S3AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", testprogram.S3SecretKey)
	p.startServing("--events="+events, "--s3-endpoint="+endpoint, "--s3-bucket="+testprogram.S3Bucket, "--s3-region=us-east-1", "--s3-folder=ns/oras", "--installation=i", "--cache=ns/oras")
	told := p.follows(p.client(), "https://"+p.keeper)
	digest := p.putArtifact("runs/a", "t")
	p.read(http.MethodGet, "/v2/runs/a/manifests/t", "oras/1.3.6")
	if push := next(t, told); push.Repository != "runs/a" || push.Tag != "t" || push.Digest != digest || !strings.HasPrefix(push.UserAgent, "Go-http-client") {
		t.Errorf("%+v", push)
	}
}
