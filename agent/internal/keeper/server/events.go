package server

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/contract"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/layout"
	"github.com/converged-computing/oras-operator/agent/internal/reference"
)

const (
	// longestEvents is more than the registry sends at once: one event, with the names of one request.
	longestEvents = 256 << 10
	// longestRepository is what registries take.
	longestRepository = 255
)

// event is one of the registry's notifications.
//
// See https://distribution.github.io/distribution/about/notifications/#events
type event struct {
	Action string `json:"action"`
	Target struct {
		Digest     string `json:"digest"`
		Repository string `json:"repository"`
		Tag        string `json:"tag"`
	} `json:"target"`
	Request struct {
		Method    string `json:"method"`
		UserAgent string `json:"useragent"`
	} `json:"request"`
}

// digest is that of the manifest. False: it is not about one, of a name that registries take: who may port-forward to the Pod may
// send what they like.
func (e event) digest() (layout.Digest, bool) {
	d, is := layout.ParseDigest(strings.TrimPrefix(e.Target.Digest, "sha256:"))
	isName := len(e.Target.Repository) <= longestRepository && reference.IsRepository(e.Target.Repository)
	return d, is && isName && (e.Target.Tag == "" || reference.IsTag(e.Target.Tag))
}

// isPull says whether somebody has fetched a manifest. Who asks with HEAD wants to know whether it is there, and who lists what
// there is reads all of them.
func (e event) isPull() bool {
	return e.Action == "pull" && e.Request.Method == http.MethodGet && e.Request.UserAgent != contract.ListingUserAgent
}

// Events takes the registry's notifications, on an address that only its Pod has: so nobody else can send any, and no
// password is needed.
//
// Whatever comes is answered with 200: the registry sends again what was not taken, for ever, and everything behind it waits in
// its memory.
func (k *Keeper) Events() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var sent struct {
			Events []event `json:"events"`
		}
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, longestEvents)).Decode(&sent); err != nil {
			k.Say("a notification of the registry is left out that cannot be read: %s", err)
		}
		for _, event := range sent.Events {
			if d, is := event.digest(); is {
				k.take(event, d)
			}
		}
		w.WriteHeader(http.StatusOK)
	})
}

func (k *Keeper) take(e event, d layout.Digest) {
	switch {
	case k.Pulls != nil && e.isPull():
		if err := k.Pulls.Note(e.Target.Repository, d, time.Now()); err != nil {
			k.Say("%s", err)
		}
	case e.Action == "push":
		if k.Pushes != nil {
			k.Pushes.tell(e, d)
		}
		if k.Mirror != nil {
			k.Mirror.Pushed(e.Target.Repository, e.Target.Tag, d, time.Now())
		}
		k.Export.pushed(e, d)
	}
}
