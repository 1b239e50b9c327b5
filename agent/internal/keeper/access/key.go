// Package access is who may do what with a registry of the operator: what passwords there are, and the file that the
// registry reads them from.
package access

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
)

// Key is the text of a cache's key. The operator, which made it, derives the same passwords from it, and so needs to read
// no Secret.
type Key string

// ReadKey reads it from the folder of its Secret.
func ReadKey(folder string) (Key, error) {
	path := filepath.Join(folder, "key")
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	// The decoder takes line breaks, too.
	if _, err := base64.RawURLEncoding.DecodeString(string(text)); err != nil || len(text) != base64.RawURLEncoding.EncodedLen(sha256.Size) || bytes.ContainsAny(text, "\r\n") {
		return "", fmt.Errorf("%s holds %d characters that are no key: 43 of base64url are, without a line break", path, len(text))
	}
	return Key(text), nil
}

func (k Key) derive(purpose string) string {
	return base64.RawURLEncoding.EncodeToString(k.Seed(purpose))
}

// Seed is 32 secret bytes for a purpose.
func (k Key) Seed(purpose string) []byte {
	mac := hmac.New(sha256.New, []byte(k))
	_, _ = mac.Write([]byte(purpose))
	return mac.Sum(nil)
}

// Password is that of a user of the operator's.
func (k Key) Password(user string) string { return k.derive("password/" + user) }

// IsToken says whether a text is the operator's token for the keeper.
func (k Key) IsToken(text string) bool { return equal(text, k.derive("keeper")) }

// equal takes the same time whatever differs.
func equal(a, b string) bool {
	hashA, hashB := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(hashA[:], hashB[:]) == 1
}
