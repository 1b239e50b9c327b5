package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"sync"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/credentials"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/layout"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/mirror"
	"github.com/converged-computing/oras-operator/agent/internal/reference"
	"github.com/converged-computing/oras-operator/agent/internal/registry"
)

// Export copies everything to another registry, once the operator asks for it. A keeper that is started again is asked
// again, and what was copied is found there.
type Export struct {
	From mirror.Source
	// Secret is the folder with the logins; empty where there is none.
	Secret string
	Say    func(format string, args ...any)

	mu    sync.Mutex
	asked exportTo
	runs  *mirror.Mirror
	stop  context.CancelFunc
	all   sync.WaitGroup
}

// exportTo is what the operator asks for.
type exportTo struct {
	To string `json:"to"`
	// Secret is the name of the one with the logins, for messages.
	Secret string `json:"secret"`
	// PlainLogin says whether a login may be shown over plain HTTP.
	PlainLogin bool `json:"plainLogin"`
}

// Ask begins, unless this is what runs. Another registry than before ends what ran.
func (e *Export) Ask(ctx context.Context, asked exportTo, now time.Time) (mirror.Status, error) {
	to, err := reference.ParseRegistry(asked.To)
	if err != nil {
		return mirror.Status{}, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.runs != nil && e.asked == asked {
		return e.runs.Status(), nil
	}
	if e.stop != nil {
		e.stop()
	}
	plainLogin := func(host string) bool { return asked.PlainLogin && host == to.Host }
	m := &mirror.Mirror{
		From: e.From, To: to, Name: asked.To, Repositories: []string{"**"}, Secret: e.Secret, Once: true,
		SecretWord: "the Secret " + asked.Secret, RegistryWord: "the annotation export-to",
		Registry: registry.Options{Use: credentials.Push, PlainLogin: plainLogin}, Say: e.Say,
	}
	m.Start(now)
	ctx, e.stop = context.WithCancel(ctx)
	e.asked, e.runs = asked, m
	e.all.Go(func() { m.Run(ctx) })
	return m.Status(), nil
}

// Wait waits for the end of what was asked for.
func (e *Export) Wait() { e.all.Wait() }

func (e *Export) pushed(pushed event, d layout.Digest) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.runs != nil {
		e.runs.Pushed(pushed.Target.Repository, pushed.Target.Tag, d, time.Now())
	}
}

func (k *Keeper) putExport(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	var asked exportTo
	if !read(w, r, &asked) {
		return
	}
	status, err := k.Export.Ask(ctx, asked, time.Now())
	if err != nil {
		refuse(w, http.StatusBadRequest, "to is the registry to copy to, such as ghcr.io/acme: "+err.Error())
		return
	}
	answer(w, http.StatusOK, status)
}

// answersWithin is how long the registry may take to begin an answer: it lists a bucket by walking it.
const answersWithin = 5 * time.Minute

// Served is the registry beside the keeper, at an address of the Pod alone.
func (k *Keeper) Served(address string) *mirror.Served {
	others := http.DefaultTransport.(*http.Transport).Clone()
	others.ResponseHeaderTimeout = answersWithin
	served := &mirror.Served{URL: "http://" + address, Transport: others}
	if k.File != nil {
		served.Login = func() (user, password string) {
			k.mu.Lock()
			defer k.mu.Unlock()
			user = k.users[len(k.users)-1]
			return user, k.Key.Password(user)
		}
	}
	if k.Certificate == nil {
		return served
	}
	served.URL = "https://" + address
	beside := others.Clone()
	// It is the registry's certificate if it is the one in the file; its names are those that others use.
	beside.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true, VerifyPeerCertificate: k.Certificate.isShown}
	served.Transport = besides{address, beside, others}
	return served
}

// isShown compares what a server shows with the registry's file.
func (c *Certificate) isShown(shown [][]byte, _ [][]*x509.Certificate) error {
	is, err := c.Files.Load()
	if err != nil {
		return err
	}
	if len(shown) == 0 || !bytes.Equal(shown[0], is.Certificate[0]) {
		return errStale
	}
	return nil
}

// besides speaks to the registry in its own way; it may redirect to object storage.
type besides struct {
	address        string
	beside, others http.RoundTripper
}

func (b besides) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host == b.address {
		return b.beside.RoundTrip(r)
	}
	return b.others.RoundTrip(r)
}
