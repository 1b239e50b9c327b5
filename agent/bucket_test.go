package main

import (
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/bucket"
	"github.com/converged-computing/oras-operator/agent/internal/testprogram"
)

// startS3 starts a real server of S3 with one bucket, and returns its URL and where the objects of the bucket are files.
func startS3(t *testing.T) (endpoint, objects string) {
	t.Helper()
	host, objects := testprogram.StartS3(t)
	return "http://" + host, objects
}

func clientOf(endpoint string) *bucket.Client {
	return &bucket.Client{Endpoint: endpoint, Bucket: testprogram.S3Bucket, Region: "us-east-1", Folder: "ns/oras", AccessKey: testprogram.S3AccessKey, SecretKey: testprogram.S3SecretKey}
}

// bucketEnvironment is that of a registry of the operator.
func bucketEnvironment(endpoint string) []string {
	return append([]string{
		"REGISTRY_STORAGE=s3", "REGISTRY_STORAGE_S3_REGIONENDPOINT=" + endpoint, "REGISTRY_STORAGE_S3_BUCKET=" + testprogram.S3Bucket,
		"REGISTRY_STORAGE_S3_REGION=us-east-1", "REGISTRY_STORAGE_S3_ROOTDIRECTORY=/ns/oras", "REGISTRY_STORAGE_S3_FORCEPATHSTYLE=true",
		"REGISTRY_STORAGE_S3_SECURE=false", "AWS_ACCESS_KEY_ID=" + testprogram.S3AccessKey, "AWS_SECRET_ACCESS_KEY=" + testprogram.S3SecretKey, "REGISTRY_STORAGE_REDIRECT_DISABLE=true",
		"REGISTRY_HTTP_SECRET=shared",
	}, sweptRegistry...)
}

// startReplicas starts registries that share a bucket; each request goes to the next one.
func startReplicas(t *testing.T, endpoint string, count int) (host string) {
	t.Helper()
	var hosts []string
	for range count {
		// Beside a storage that variables choose, there may be none in the file.
		host, _ := startRegistryIn(t, t.TempDir(), bucketEnvironment(endpoint)...)
		hosts = append(hosts, host)
	}
	var turn atomic.Int64
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: hosts[int(turn.Add(1))%len(hosts)]})
		r.Out.Host = r.In.Host
	}})
	t.Cleanup(proxy.Close)
	return proxy.Listener.Addr().String()
}

// Two registries on one bucket, pushers, a deleter and readers, and one pass after the other.
func TestSweepsOfABucketBreakNothing(t *testing.T) {
	// What is in the trash is there for at least two passes more, each of several moments.
	const grace, enough, passesEnough = 5 * time.Second, 40, 4
	until := time.Time{}
	if soak, is := soakFor(t); is {
		until = time.Now().Add(soak)
	}
	endpoint, objects := startS3(t)
	w := startTraffic(t, startReplicas(t, endpoint, 2), 3)
	swept, putBack, passes, freed := 0, 0, 0, int64(0)
	for swept < enough || w.pushes.Load() < enough || passes < passesEnough || time.Now().Before(until) {
		pass := bucket.Pass{Client: clientOf(endpoint), Grace: grace, Moment: time.Second}
		out, err := pass.Run(t.Context())
		must(t, err)
		passes++
		swept, putBack, freed = swept+out.Swept, putBack+out.PutBack, freed+out.Freed
	}
	w.end()
	t.Logf("%d passes took %d, put back %d, freed %d bytes beside %s", passes, swept, putBack, freed, w)
	if broken := w.broken(); len(broken) > 0 {
		t.Errorf("%d artifacts are broken, such as %v", len(broken), broken[0])
	}
	if failed := w.failed.Load(); failed > 0 {
		t.Errorf("%d pushes failed, such as %s", failed, *w.firstFailure.Load())
	}
	// With nobody there, the space comes back whole: what a pass leaves in its trash, the next ones free.
	before := bytesBelow(t, objects)
	for range 3 {
		pass := bucket.Pass{Client: clientOf(endpoint)}
		_, err := pass.Run(t.Context())
		must(t, err)
	}
	if after := bytesBelow(t, objects); after >= before {
		t.Errorf("nothing was freed: %d bytes, then %d", before, after)
	}
	if broken := w.broken(); len(broken) > 0 {
		t.Errorf("%d artifacts are broken at rest, such as %v", len(broken), broken[0])
	}
}
