package room

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/testprogram"
)

func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

func TestAKeeperSaysWhetherThereIsRoom(t *testing.T) {
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); r.URL.Path != "/room" || user != "oras-1" || password != "secret" {
			t.Error(r.URL, user, password)
		}
		_, _ = w.Write([]byte(`{"capacity":100,"used":96,"free":4,"refuseAt":95,"refuse":true}`))
	})
	found, err := Ask(t.Context(), address, &Login{"oras-1", "secret"}, nil)
	if err != nil || found != (Room{Capacity: 100, Free: 4, RefuseAt: 95, Refuse: true}) {
		t.Error(found, err)
	}
}

func TestOfARegistryWithoutAKeeperNothingIsKnown(t *testing.T) {
	closed := testprogram.FreeAddress(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for what, address := range map[string]string{
		"closed":       closed,
		"not there":    "oras-0.oras.nowhere.invalid:5002",
		"silent":       silent.Addr().String(),
		"no address":   "%",
		"another":      serve(t, http.NotFound),
		"unauthorized": serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }),
		"elsewhere": serve(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
		}),
		"nonsense": serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }),
		"without end": serve(t, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(strings.Repeat(" ", 2*longestAnswer) + "{}"))
		}),
	} {
		began := time.Now()
		if found, err := Ask(t.Context(), address, nil, nil); err == nil || found.Refuse {
			t.Errorf("%s: %+v", what, found)
		}
		if waited := time.Since(began); waited > time.Minute {
			t.Errorf("%s: waited for %s", what, waited)
		}
	}
}

func TestWordsForAFullRegistry(t *testing.T) {
	text := Room{Capacity: 10 << 30, Free: 1 << 28, RefuseAt: 95}.Full("oras-0.oras.work.svc.cluster.local:5002")
	if want := "the registry of OrasCache oras is full: 98% of its volume of 10 GiB are used, and from 95% on it takes no output"; !strings.HasPrefix(text, want) {
		t.Error(text)
	}
	for bytes, want := range map[int64]string{0: "0 bytes", 1023: "1023 bytes", 1536: "1.5 KiB", 1 << 50: "1 PiB", 1 << 62: "4096 PiB"} {
		if got := words(bytes); got != want {
			t.Error(got, want)
		}
	}
	if got := cacheOf("localhost:5002"); got != "localhost:5002" {
		t.Error(got)
	}
	if text := (Room{}).Full("a.b"); !strings.Contains(text, "100% of its volume of 0 bytes") {
		t.Error(text)
	}
}
