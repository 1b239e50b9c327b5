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
	// CA is the PEM of the Secret's key ca.crt, if it has one.
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
	key, err := x509.MarshalPKCS8PrivateKey(made.PrivateKey)
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made.Certificate[0]})
	return append(text, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...), nil
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
	chain, key, ca := texts[0], texts[1], texts[2]
	state := State{CA: certificatesOf(ca)}
	if chain == nil && key == nil {
		state.Problem = "is not there, or has neither the key tls.crt nor tls.key"
		return nil, state, nil
	}
	if state.Problem = f.problemOf(chain, key, ca, now); state.Problem != "" {
		return nil, state, nil
	}
	return bytes.Join([][]byte{chain, key}, []byte("\n")), state, nil
}

// problemOf says what is wrong with a certificate, in words that go on after the name of its Secret.
func (f *Files) problemOf(chain, key, ca []byte, now time.Time) string {
	for name, text := range map[string][]byte{"tls.crt": chain, "tls.key": key} {
		if len(bytes.TrimSpace(text)) == 0 {
			return "has no key " + name
		}
	}
	pair, err := tls.X509KeyPair(chain, key)
	switch {
	case err != nil && strings.Contains(err.Error(), "does not match"):
		return "has a tls.key that is not the key of tls.crt"
	case err != nil:
		return "cannot be used: " + strings.TrimPrefix(err.Error(), "tls: ")
	case now.After(pair.Leaf.NotAfter):
		return fmt.Sprintf("has a certificate that expired on %s", pair.Leaf.NotAfter.UTC().Format(time.RFC3339))
	case now.Before(pair.Leaf.NotBefore):
		return fmt.Sprintf("has a certificate that is not valid before %s", pair.Leaf.NotBefore.UTC().Format(time.RFC3339))
	case pair.Leaf.VerifyHostname(f.Name) != nil:
		return fmt.Sprintf("has a certificate for %s, and not for %s, by which steps reach the registry", listed(pair.Leaf), f.Name)
	}
	if len(ca) > 0 && certificatesOf(ca) == "" {
		return "has a key ca.crt that holds no certificate in PEM"
	}
	return untrusted(pair, ca, now)
}

// untrusted says whether who trusts the Secret's CA, and those that everybody trusts, would not trust the certificate.
func untrusted(pair tls.Certificate, ca []byte, now time.Time) string {
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	roots.AppendCertsFromPEM(ca)
	between := x509.NewCertPool()
	for _, der := range pair.Certificate[1:] {
		if one, err := x509.ParseCertificate(der); err == nil {
			between.AddCert(one)
		}
	}
	_, err = pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: now})
	if err == nil {
		return ""
	}
	if len(ca) == 0 {
		return "has a certificate of a CA that is not known everywhere, and no key ca.crt with that CA"
	}
	return "has a certificate that the CA in its key ca.crt did not sign: " + strings.TrimPrefix(err.Error(), "x509: ")
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

// certificatesOf is a PEM file without what is no certificate. It is told to the operator, so it is bounded.
func certificatesOf(text []byte) string {
	const most = 16 << 10
	var found []byte
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			return string(found)
		}
		text = rest
		if block.Type != "CERTIFICATE" {
			continue
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			continue
		}
		one := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: block.Bytes})
		if len(found)+len(one) > most {
			return string(found)
		}
		found = append(found, one...)
	}
}
