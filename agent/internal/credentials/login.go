// Package credentials finds the logins that a step's Secret has for a registry: user and passwords in files of their
// own, or a docker configuration in every shape that the kubelet takes as a pull secret. What it returns goes to
// package registry alone: no function of it writes a password, and a Login does not print itself.
package credentials

import (
	"fmt"
	"io"
)

// Login is what is shown to one registry.
type Login struct {
	// Username and Password, for basic authentication and for token servers.
	Username, Password string
	// IdentityToken is exchanged for an access token (OAuth2 refresh token); Username and Password are empty then.
	IdentityToken string
	// RegistryToken is shown to the registry as it is.
	RegistryToken string
	// Source says where it comes from, in words for the author: the key of an entry, the name of a file.
	Source string
}

// isEmpty: docker leaves empty entries beside a credential store.
func (l Login) isEmpty() bool {
	return l.Username == "" && l.Password == "" && l.IdentityToken == "" && l.RegistryToken == ""
}

// Format keeps passwords out of whatever is formatted, with any verb and at any depth.
func (l Login) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "login of "+l.Source) }

// MarshalJSON keeps passwords out of structured logs.
func (l Login) MarshalJSON() ([]byte, error) { return []byte(`"login"`), nil }

// Use tells the passwords for reading and writing apart.
type Use int

// What a login is for.
const (
	Pull Use = iota
	Push
)
