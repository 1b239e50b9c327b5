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

// CA is the certificate of the CA of a time in PEM, which in a cluster the operator writes.
func CA(t *testing.T, seeds serving.Seeds, now time.Time) []byte {
	t.Helper()
	ca, key := serving.CA(seeds, serving.TermOf(now))
	template := *ca
	template.SerialNumber = big.NewInt(1)
	template.NotBefore, template.NotAfter = now.Add(-time.Hour), now.AddDate(1, 0, 0)
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
