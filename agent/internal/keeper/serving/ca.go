// Package serving is what a registry and its keeper show to who connects to them over TLS.
package serving

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"slices"
	"sync"
	"time"
)

const (
	day = 24 * time.Hour
	// term is for how long one CA of a cache signs. The operator publishes each one a term before, and a term after.
	term = 365 * day
	// lifetime of a server's certificate. Another one is made after two thirds of it.
	lifetime = 90 * day
	// skew: clocks of other machines may be behind.
	skew = time.Hour
)

// Seeds makes 32 secret bytes for a purpose. The operator makes the same, and so knows the CAs.
type Seeds interface{ Seed(purpose string) []byte }

// TermOf numbers the terms since 1970.
func TermOf(now time.Time) int64 { return now.Unix() / int64(term/time.Second) }

// CA is the CA of a term: see src/certificates/registry-ca.ts, which writes its certificate.
func CA(seeds Seeds, number int64) (*x509.Certificate, crypto.Signer) {
	key := ed25519.NewKeyFromSeed(seeds.Seed(fmt.Sprintf("ca/%d", number)))
	// The key identifier of RFC 5280, 4.2.1.2.
	id := sha1.Sum(key.Public().(ed25519.PublicKey))
	return &x509.Certificate{
		Subject:      pkix.Name{CommonName: fmt.Sprintf("oras-operator registry CA %d", number)},
		SubjectKeyId: id[:],
		PublicKey:    key.Public(),
	}, key
}

// Issuer makes certificates for the names of a registry.
type Issuer struct {
	Seeds Seeds
	// Names are those by which Pods and nodes reach the registry, names of DNS and addresses. A port-forward reaches it as localhost.
	Names []string

	mu   sync.Mutex
	last *tls.Certificate
}

var loopback = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}

// Issue makes a certificate and its key.
func (i *Issuer) Issue(now time.Time) (*tls.Certificate, error) {
	ca, signer := CA(i.Seeds, TermOf(now))
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "oras-operator registry"},
		NotBefore:    now.Add(-skew), NotAfter: now.Add(lifetime),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		DNSNames:              []string{"localhost"},
		IPAddresses:           slices.Clone(loopback),
	}
	for _, name := range i.Names {
		// Clients look for an address among the addresses alone.
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca, key.Public(), signer)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, err
}

// Current is the one that was issued last, or another one if that is due.
func (i *Issuer) Current(now time.Time) (*tls.Certificate, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.last != nil && !i.IsDue(i.last.Leaf, now) {
		return i.last, nil
	}
	made, err := i.Issue(now)
	if err == nil {
		i.last = made
	}
	return made, err
}

// IsDue says whether another certificate has to be made: after two thirds of its life, where it lacks a name, or is of
// another CA.
func (i *Issuer) IsDue(leaf *x509.Certificate, now time.Time) bool {
	ca, _ := CA(i.Seeds, TermOf(leaf.NotBefore.Add(skew)))
	if leaf.NotBefore.After(now) || now.Sub(leaf.NotBefore) >= lifetime*2/3 {
		return true
	}
	lacks := func(name string) bool {
		if ip := net.ParseIP(name); ip != nil {
			return !slices.ContainsFunc(leaf.IPAddresses, ip.Equal)
		}
		return !slices.Contains(leaf.DNSNames, name)
	}
	return slices.ContainsFunc(i.Names, lacks) || !ed25519.Verify(ca.PublicKey.(ed25519.PublicKey), leaf.RawTBSCertificate, leaf.Signature)
}
