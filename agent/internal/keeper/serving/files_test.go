package serving_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/access"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/serving"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/serving/servingtest"
)

const (
	key  = access.Key("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	name = "oras-0.oras.work.svc.cluster.local"
	day  = 24 * time.Hour
)

func issued(t *testing.T, names ...string) *serving.Files {
	t.Helper()
	return &serving.Files{Path: filepath.Join(t.TempDir(), "tls.pem"), Name: name, Issuer: &serving.Issuer{Seeds: key, Names: append([]string{name}, names...)}}
}

func refresh(t *testing.T, files *serving.Files, now time.Time) serving.State {
	t.Helper()
	state, err := files.Refresh(now)
	if err != nil {
		t.Fatal(err)
	}
	return state
}

func trusts(t *testing.T, files *serving.Files, ca []byte, now time.Time) error {
	t.Helper()
	pair, err := files.Load()
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	_, err = pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: name, CurrentTime: now})
	return err
}

func TestACertificateIsRenewedAfterTwoThirdsOfItsLife(t *testing.T) {
	files, now := issued(t), time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	first := refresh(t, files, now)
	if err := trusts(t, files, servingtest.CA(t, key, now), now); err != nil {
		t.Error(err)
	}
	if again := refresh(t, files, now.Add(59*day)); again != first {
		t.Error("renewed before it is due:", again, first)
	}
	if after := refresh(t, files, now.Add(61*day)); !after.NotAfter.After(first.NotAfter) {
		t.Error("not renewed:", after)
	}
	// Also where a name is asked for that it lacks, the key is another one, or the clock was wrong.
	for what, other := range map[string]*serving.Issuer{
		"a name":     {Seeds: key, Names: []string{name, "more"}},
		"an address": {Seeds: key, Names: []string{name, "192.0.2.1"}},
		"a key":      {Seeds: access.Key(strings.Repeat("B", 43)), Names: []string{name}},
	} {
		before, err := os.ReadFile(files.Path)
		if err != nil {
			t.Fatal(err)
		}
		refresh(t, &serving.Files{Path: files.Path, Name: name, Issuer: other}, now.Add(61*day))
		if after, err := os.ReadFile(files.Path); err != nil || string(after) == string(before) {
			t.Error("not renewed for", what, err)
		}
	}
	if early := refresh(t, files, now.Add(-365*day)); early.NotAfter.After(now) {
		t.Error(early)
	}
}

// Nodes may reach a registry by an address: clients look for that among the addresses of a certificate, not among its names.
func TestACertificateHasNamesAndAddresses(t *testing.T) {
	now := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	files := issued(t, "registry.example.com", "192.0.2.1", "2001:db8::1")
	first := refresh(t, files, now)
	pair, err := files.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{name, "localhost", "127.0.0.1", "::1", "registry.example.com", "192.0.2.1", "2001:db8::1"} {
		if err := pair.Leaf.VerifyHostname(host); err != nil {
			t.Error(err)
		}
	}
	if err := pair.Leaf.VerifyHostname("192.0.2.2"); err == nil {
		t.Error("another address is in it")
	}
	if again := refresh(t, files, now.Add(time.Minute)); again != first {
		t.Error("renewed before it is due:", again, first)
	}
}

// A registry that was not restarted shows for weeks what the CA of the term before has signed; the operator publishes both.
func TestEachTermHasACAOfItsOwn(t *testing.T) {
	files, now := issued(t), time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	before := servingtest.CA(t, key, now)
	end := time.Unix((serving.TermOf(now)+1)*int64((365*day).Seconds()), 0)
	refresh(t, files, end.Add(-time.Minute))
	if err := trusts(t, files, before, end.Add(-time.Minute)); err != nil {
		t.Error(err)
	}
	refresh(t, files, end.Add(61*day))
	if err := trusts(t, files, before, end.Add(61*day)); err == nil {
		t.Error("the CA of the term before has signed")
	}
	if err := trusts(t, files, servingtest.CA(t, key, end), end.Add(61*day)); err != nil {
		t.Error(err)
	}
}

// author is a CA of the author's.
type author struct {
	t    *testing.T
	ca   *x509.Certificate
	key  *ecdsa.PrivateKey
	text string
}

func newAuthor(t *testing.T) *author {
	a := &author{t: t}
	a.key = a.newKey()
	a.ca = &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: rand.Text()}, NotAfter: time.Now().AddDate(10, 0, 0), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	a.text = a.sign(a.ca, &a.key.PublicKey)
	return a
}

func (a *author) newKey() *ecdsa.PrivateKey { return a.newKeyOf(elliptic.P256()) }

func (a *author) newKeyOf(curve elliptic.Curve) *ecdsa.PrivateKey {
	made, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	return made
}

func (a *author) sign(template *x509.Certificate, public *ecdsa.PublicKey) string {
	der, err := x509.CreateCertificate(rand.Reader, template, a.ca, public, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// pair is what its Secret has.
func (a *author) pair(from, until time.Time, names ...string) (certificate, private string) {
	return a.pairWith(a.newKey(), from, until, names...)
}

func (a *author) pairWith(made *ecdsa.PrivateKey, from, until time.Time, names ...string) (certificate, private string) {
	der, err := x509.MarshalECPrivateKey(made)
	if err != nil {
		a.t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: from, NotAfter: until, DNSNames: names}
	return a.sign(template, &made.PublicKey), string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}))
}

func TestASecretThatCannotBeUsed(t *testing.T) {
	now := time.Now()
	author, other := newAuthor(t), newAuthor(t)
	good, private := author.pair(now.Add(-day), now.Add(day), "a", name)
	next, nextPrivate := author.pair(now.Add(-day), now.Add(2*day), "*.oras.work.svc.cluster.local")
	old, oldPrivate := author.pair(now.Add(-2*day), now.Add(-day), name)
	early, earlyPrivate := author.pair(now.Add(day), now.Add(2*day), name)
	wrong, wrongPrivate := author.pair(now.Add(-day), now.Add(day), "a", "b", "c", "d", "e", "f")
	nameless, namelessPrivate := author.pair(now.Add(-day), now.Add(day))
	// TLS has no such curve.
	small, smallPrivate := author.pairWith(author.newKeyOf(elliptic.P224()), now.Add(-day), now.Add(day), name)
	broken := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("nonsense")}))
	for want, secret := range map[string][3]string{
		"is not there, or has neither":                            {},
		"has no key tls.key":                                      {good, "", author.text},
		"has no key tls.crt":                                      {" \n", private, author.text},
		"has a tls.key that is not the key of tls.crt":            {good, nextPrivate, author.text},
		"cannot be used: ":                                        {"nonsense", private, author.text},
		"has a certificate that expired on ":                      {old, oldPrivate, author.text},
		"has a certificate that is not valid before ":             {early, earlyPrivate, author.text},
		"for a, b, c, d, e and 1 more, and not for " + name:       {wrong, wrongPrivate, author.text},
		"for no name, and not for " + name:                        {nameless, namelessPrivate, author.text},
		"no key ca.crt with that CA":                              {good, private, ""},
		"that the CA in its key ca.crt did not sign: certificate": {good, private, other.text},
		"cannot be used: unsupported certificate curve":           {small, smallPrivate, author.text},
		"cannot be used: failed to parse certificate":             {good + broken, private, author.text},
		"has a key ca.crt that holds no certificate":              {good, private, "nonsense"},
	} {
		files := issued(t)
		files.Secret = t.TempDir()
		write := func(texts [3]string) {
			for i, key := range []string{"tls.crt", "tls.key", "ca.crt"} {
				path := filepath.Join(files.Secret, key)
				_ = os.Remove(path)
				if texts[i] == "" {
					continue
				}
				if err := os.WriteFile(path, []byte(texts[i]), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		write(secret)
		if state := refresh(t, files, now); !strings.Contains(state.Problem, want) || !state.NotAfter.IsZero() {
			t.Errorf("%q: %+v", want, state)
		}
		write([3]string{good, private, author.text})
		if state := refresh(t, files, now); state.Problem != "" || state.CA != author.text || state.NotAfter.IsZero() {
			t.Errorf("%q: %+v", want, state)
		}
		is, err := os.ReadFile(files.Path)
		if err != nil {
			t.Fatal(err)
		}
		// The last good one is kept.
		write(secret)
		if state := refresh(t, files, now); !strings.Contains(state.Problem, want) || state.NotAfter.IsZero() {
			t.Errorf("%q: %+v", want, state)
		}
		if still, err := os.ReadFile(files.Path); err != nil || string(still) != string(is) {
			t.Error(want, err)
		}
		write([3]string{next, nextPrivate, other.text + "nonsense\n" + author.text})
		if state := refresh(t, files, now); state.Problem != "" || state.CA != author.text+other.text || trusts(t, files, []byte(author.text), now) != nil {
			t.Errorf("%q: %+v", want, state)
		}
	}
}

func secretWith(t *testing.T, texts ...string) string {
	t.Helper()
	folder := t.TempDir()
	for i, key := range []string{"tls.crt", "tls.key", "ca.crt"} {
		if err := os.WriteFile(filepath.Join(folder, key), []byte(texts[i]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// The registry reads certificate and key from one file, where the first key counts.
func TestOtherKeysInASecretDoNotMatter(t *testing.T) {
	author, now := newAuthor(t), time.Now()
	good, private := author.pair(now.Add(-day), now.Add(day), name)
	next, nextPrivate := author.pair(now.Add(-day), now.Add(day), name)
	for what, secret := range map[string][]string{
		"before the certificate": {nextPrivate + good, private, author.text},
		"after the certificate":  {good + nextPrivate, private, author.text},
		"both files in each":     {good + private, good + private, author.text},
		"after the key":          {good, private + nextPrivate, author.text},
		"a certificate as well":  {good, next + private, author.text},
	} {
		files := issued(t)
		files.Secret = secretWith(t, secret...)
		if state := refresh(t, files, now); state.Problem != "" || state.NotAfter.IsZero() {
			t.Errorf("%s: %+v", what, state)
		}
		if err := trusts(t, files, []byte(author.text), now); err != nil {
			t.Error(what, err)
		}
	}
}

// Of what the operator is told it publishes 8 CAs, with those of before. Who signed has to be among them: a bundle may have
// all CAs of the world.
func TestManyCAs(t *testing.T) {
	author, now := newAuthor(t), time.Now()
	good, private := author.pair(now.Add(-day), now.Add(day), name)
	var others strings.Builder
	for range 100 {
		others.WriteString(newAuthor(t).text)
	}
	files := issued(t)
	files.Secret = secretWith(t, good, private, others.String()+author.text)
	state := refresh(t, files, now)
	if state.Problem != "" || !strings.HasPrefix(state.CA, author.text) {
		t.Errorf("%.300s", state.CA)
	}
	if count := strings.Count(state.CA, "BEGIN"); count > 4 || len(state.CA) > 16<<10 {
		t.Error(count, len(state.CA))
	}
	files.Secret = secretWith(t, good, private, strings.Repeat(author.text, 1000))
	if state := refresh(t, files, now); state.CA != author.text {
		t.Error(len(state.CA))
	}
}
