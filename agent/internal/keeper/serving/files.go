package serving

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/share"
)

// Files are those of a registry that serves TLS. It reads its certificate when it starts, from one file with the key, so
// that nobody finds one without the other. What cannot be used never gets there: a registry that is started again goes on
// with what it had.
type Files struct {
	// Path is the file that the registry reads.
	Path string
	// Secret is the folder of the author's Secret; empty where the keeper issues certificates itself.
	Secret string
	// Name is the one by which steps reach the registry.
	Name   string
	Issuer *Issuer
}

// State is what the operator is told of the certificate.
type State struct {
	// NotAfter is when the one that the registry is to show ends.
	NotAfter time.Time `json:"notAfter,omitzero"`
	// Problem says why the Secret cannot be used, in which case the last good one is kept.
	Problem string `json:"problem,omitempty"`
	// CA is the PEM of the Secret's key ca.crt, if it has one: first who signed the certificate, then a few others.
	CA string `json:"ca,omitempty"`
}

// Load reads what the registry is to show.
func (f *Files) Load() (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(f.Path, f.Path)
	return &pair, err
}

// Refresh brings the registry's file up to date. The error says that it cannot be written, or that there is none; a Secret
// that cannot be used is a Problem.
func (f *Files) Refresh(now time.Time) (State, error) {
	before, _ := f.Load()
	var state State
	var text []byte
	var err error
	if f.Secret == "" {
		text, err = f.issue(before, now)
	} else {
		text, state, err = f.copied(now)
	}
	if err != nil {
		return state, err
	}
	if text != nil {
		if is, _ := os.ReadFile(f.Path); !bytes.Equal(is, text) {
			if err := share.WriteWhole(f.Path, text, 0o600); err != nil {
				return state, err
			}
		}
	}
	if shown, err := f.Load(); err == nil {
		state.NotAfter = shown.Leaf.NotAfter.UTC()
	}
	return state, nil
}

// issue makes another certificate; nil: the one that is there is good.
func (f *Files) issue(before *tls.Certificate, now time.Time) ([]byte, error) {
	if before != nil && before.Leaf != nil && !f.Issuer.IsDue(before.Leaf, now) {
		return nil, nil
	}
	made, err := f.Issuer.Issue(now)
	if err != nil {
		return nil, err
	}
	return textOf(made)
}

// copied is the Secret's certificate with its key; nil, and a problem, where that cannot be used.
func (f *Files) copied(now time.Time) ([]byte, State, error) {
	var texts [3][]byte
	for i, key := range []string{"tls.crt", "tls.key", "ca.crt"} {
		text, err := os.ReadFile(filepath.Join(f.Secret, key))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, State{}, err
		}
		texts[i] = text
	}
	chain, key := texts[0], texts[1]
	cas := certificatesIn(texts[2])
	state := State{CA: published(cas)}
	if chain == nil && key == nil {
		state.Problem = "is not there, or has neither the key tls.crt nor tls.key"
		return nil, state, nil
	}
	pair, problem := f.pairOf(chain, key, now)
	if problem == "" && len(texts[2]) > 0 && len(cas) == 0 {
		problem = "has a key ca.crt that holds no certificate in PEM"
	}
	var signers []*x509.Certificate
	if problem == "" {
		signers, problem = signersOf(pair, cas, now)
	}
	if problem == "" {
		if err := handshake(&pair); err != nil {
			problem = "cannot be used: " + strings.TrimPrefix(err.Error(), "tls: ")
		}
	}
	if problem != "" {
		state.Problem = problem
		return nil, state, nil
	}
	state.CA = published(append(signers, cas...))
	// Not the text as it is: in one file, a key that tls.crt holds would count.
	text, err := textOf(&pair)
	return text, state, err
}

// textOf is what the registry reads.
func textOf(pair *tls.Certificate) ([]byte, error) {
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		return nil, err
	}
	var text []byte
	for _, der := range pair.Certificate {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return append(text, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...), nil
}

// pairOf is a certificate with its key, or says what is wrong with it, in words that go on after the name of its Secret.
func (f *Files) pairOf(chain, key []byte, now time.Time) (pair tls.Certificate, problem string) {
	for _, one := range []struct {
		name string
		text []byte
	}{{"tls.crt", chain}, {"tls.key", key}} {
		if len(bytes.TrimSpace(one.text)) == 0 {
			return pair, "has no key " + one.name
		}
	}
	pair, err := tls.X509KeyPair(chain, key)
	switch {
	case err != nil && strings.Contains(err.Error(), "does not match"):
		return pair, "has a tls.key that is not the key of tls.crt"
	case err != nil:
		return pair, "cannot be used: " + strings.TrimPrefix(err.Error(), "tls: ")
	case now.After(pair.Leaf.NotAfter):
		return pair, fmt.Sprintf("has a certificate that expired on %s", pair.Leaf.NotAfter.UTC().Format(time.RFC3339))
	case now.Before(pair.Leaf.NotBefore):
		return pair, fmt.Sprintf("has a certificate that is not valid before %s", pair.Leaf.NotBefore.UTC().Format(time.RFC3339))
	case pair.Leaf.VerifyHostname(f.Name) != nil:
		return pair, fmt.Sprintf("has a certificate for %s, and not for %s, by which steps reach the registry", listed(pair.Leaf), f.Name)
	}
	return pair, ""
}

// signersOf are those of the Secret's CAs by which a certificate is trusted; none where everybody trusts it. The problem says
// that it is not.
func signersOf(pair tls.Certificate, cas []*x509.Certificate, now time.Time) (signers []*x509.Certificate, problem string) {
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	for _, ca := range cas {
		roots.AddCert(ca)
	}
	between := x509.NewCertPool()
	for _, der := range pair.Certificate[1:] {
		if one, err := x509.ParseCertificate(der); err == nil {
			between.AddCert(one)
		}
	}
	chains, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: now})
	switch {
	case err != nil && len(cas) == 0:
		return nil, "has a certificate of a CA that is not known everywhere, and no key ca.crt with that CA"
	case err != nil:
		return nil, "has a certificate that the CA in its key ca.crt did not sign: " + strings.TrimPrefix(err.Error(), "x509: ")
	}
	for _, chain := range chains {
		root := chain[len(chain)-1]
		if slices.ContainsFunc(cas, root.Equal) {
			signers = append(signers, root)
		}
	}
	return signers, ""
}

func listed(leaf *x509.Certificate) string {
	const most = 5
	all := append([]string{}, leaf.DNSNames...)
	for _, ip := range leaf.IPAddresses {
		all = append(all, ip.String())
	}
	switch {
	case len(all) == 0:
		return "no name"
	case len(all) > most:
		return fmt.Sprintf("%s and %d more", strings.Join(all[:most], ", "), len(all)-most)
	}
	return strings.Join(all, ", ")
}

// certificatesIn are those of a PEM file, each once, without what is no certificate.
func certificatesIn(text []byte) []*x509.Certificate {
	var found []*x509.Certificate
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			return found
		}
		text = rest
		if block.Type != "CERTIFICATE" {
			continue
		}
		if one, err := x509.ParseCertificate(block.Bytes); err == nil && !slices.ContainsFunc(found, one.Equal) {
			found = append(found, one)
		}
	}
}

const (
	// mostPublished is half of what the operator publishes, which goes on with the CAs that a Secret had before: see
	// src/cache/served.ts.
	mostPublished = 4
	// mostText is a quarter of what the operator reads of a report.
	mostText = 16 << 10
)

// published are the first few of some CAs, each once, PEM: a bundle may have all that there are in the world.
func published(cas []*x509.Certificate) string {
	var text strings.Builder
	var taken []*x509.Certificate
	for _, ca := range cas {
		one := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Raw})
		if len(taken) == mostPublished || text.Len()+len(one) > mostText {
			break
		}
		if !slices.ContainsFunc(taken, ca.Equal) {
			taken = append(taken, ca)
			text.Write(one)
		}
	}
	return text.String()
}
