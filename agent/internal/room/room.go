// Package room asks the keeper of a registry whether there is room for an output. The registry itself only says so when
// the program has run and its output is half pushed.
package room

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	// within is how long a step waits for an answer. A keeper that is not there refuses the connection at once; what drops
	// packets in between must not hold a step up.
	within        = time.Second
	longestAnswer = 64 << 10
)

// Room is how full the volume of a registry is, in bytes.
type Room struct {
	Capacity int64 `json:"capacity"`
	Free     int64 `json:"free"`
	// RefuseAt is how full it may be, in percent; Refuse says that it is fuller.
	RefuseAt int  `json:"refuseAt"`
	Refuse   bool `json:"refuse"`
}

// Login is a user of the registry.
type Login struct{ Username, Password string }

// Ask asks a keeper at host:port. A registry without a keeper, of an older operator, is an error like any other: nothing is
// known then. ca is the PEM of the CAs of a registry that serves TLS, as its keeper does then.
func Ask(ctx context.Context, address string, login *Login, ca []byte) (Room, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	var found Room
	scheme, roots := "http://", x509.NewCertPool()
	if roots.AppendCertsFromPEM(ca) {
		scheme = "https://"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+address+"/room", nil)
	if err != nil {
		return found, err
	}
	if login != nil {
		request.SetBasicAuth(login.Username, login.Password)
	}
	// No proxy: it is in the cluster. No redirects: the login is for this keeper.
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	answered, err := client.Do(request)
	if err != nil {
		return found, err
	}
	defer answered.Body.Close()
	if answered.StatusCode != http.StatusOK {
		return found, fmt.Errorf("it answered %d", answered.StatusCode)
	}
	if err := json.NewDecoder(io.LimitReader(answered.Body, longestAnswer)).Decode(&found); err != nil {
		return found, errors.New("it answered something else")
	}
	return found, nil
}

// Full says in words for a step's author that a registry is full.
func (r Room) Full(address string) string {
	percent := 100.0
	if r.Capacity > 0 {
		percent = 100 - 100*float64(r.Free)/float64(r.Capacity)
	}
	return fmt.Sprintf(
		"the registry of OrasCache %s is full: %.0f%% of its volume of %s are used, and from %d%% on it takes no output; the program did not run. Make the volume larger, or delete artifacts, whose space comes back only by the runs of spec.retention; then create the step again",
		cacheOf(address), percent, words(r.Capacity), r.RefuseAt)
}

// cacheOf is the name of a cache by the address of its keeper: <Pod>.<Service>.<namespace>.svc.<domain>:<port>, and the
// Service has the cache's name.
func cacheOf(address string) string {
	labels := strings.Split(address, ".")
	if len(labels) < 2 {
		return address
	}
	return labels[1]
}

// words are bytes as people write them.
func words(bytes int64) string {
	unit, amount := "bytes", float64(bytes)
	for _, next := range []string{"KiB", "MiB", "GiB", "TiB", "PiB"} {
		if amount < 1024 {
			break
		}
		unit, amount = next, amount/1024
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", amount), ".0") + " " + unit
}
