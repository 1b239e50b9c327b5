// Package servingtest is what tests need of certificates.
package servingtest

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/serving"
)

const term = 365 * 24 * time.Hour

// CA is the certificate of the CA of a time in PEM, which in a cluster the operator writes: in a term the same each time.
func CA(t *testing.T, seeds serving.Seeds, now time.Time) []byte {
	t.Helper()
	number := serving.TermOf(now)
	ca, key := serving.CA(seeds, number)
	template := *ca
	template.SerialNumber = big.NewInt(1)
	begin := time.Unix(0, 0).Add(time.Duration(number) * term)
	template.NotBefore, template.NotAfter = begin.Add(-term), begin.Add(2*term)
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
