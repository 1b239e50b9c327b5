// Package reference takes apart and puts together the names of artifacts and registries. It is pure, and its grammar is
// that of the operator's schema (formats Artifact and Registry): what the operator admits is understood here.
package reference

import (
	"fmt"
	"strings"
)

// Registry is where a step's artifacts are, as its author wrote it.
type Registry struct {
	// Host, with its port if it was written.
	Host string
	// PlainHTTP: spoken to without TLS.
	PlainHTTP bool
	// Prefix is what all repositories in it begin with, without slashes around: `acme` of `ghcr.io/acme`. May be empty.
	Prefix string
}

// Reference is an artifact, or where one will be: everything that a request needs.
type Reference struct {
	// Host, with its port if it was written. See APIHost.
	Host string
	// PlainHTTP: spoken to without TLS.
	PlainHTTP bool
	// Repository with the registry's prefix, without tag and digest.
	Repository string
	// Tag and Digest (`sha256:…`): one of them or both. Of both the digest counts, as for every OCI client.
	Tag, Digest string
}

// ParseRegistry takes `host`, `host:port`, `host/path` with `https://` (the default) or `http://` before it, and a
// slash at the end or none.
func ParseRegistry(text string) (Registry, error) {
	bad := func(why string) (Registry, error) {
		return Registry{}, fmt.Errorf("%q is not a registry: %s", short(text), why)
	}
	if len(text) > maxLength {
		return bad(fmt.Sprintf("it is longer than %d characters", maxLength))
	}
	rest, plain := strings.CutPrefix(text, "http://")
	if !plain {
		rest = strings.TrimPrefix(text, "https://")
	}
	host, path, hasPath := strings.Cut(rest, "/")
	if !isHost(host) {
		return bad("write host, host:port or host/path, with https:// or http:// before it")
	}
	prefix := strings.TrimSuffix(path, "/")
	if prefix == "" && path != "" || hasPath && prefix != "" && !IsRepository(prefix) {
		return bad("the path after the host is not part of a repository's name, which is in lower case")
	}
	return Registry{Host: host, PlainHTTP: plain, Prefix: prefix}, nil
}

// String returns what ParseRegistry takes.
func (r Registry) String() string {
	text := scheme(r.PlainHTTP) + r.Host
	if r.Prefix != "" {
		text += "/" + r.Prefix
	}
	return text
}

// Parse takes a whole reference with its scheme, `https://` or `http://`, as the operator writes it into options.
func Parse(text string) (Reference, error) {
	bad := func(why string) (Reference, error) {
		return Reference{}, fmt.Errorf("%q is not a reference: %s", short(text), why)
	}
	if len(text) > 2*maxLength {
		return bad("it is too long")
	}
	rest, plain := strings.CutPrefix(text, "http://")
	if !plain {
		var secure bool
		if rest, secure = strings.CutPrefix(text, "https://"); !secure {
			return bad("it begins with neither https:// nor http://")
		}
	}
	host, path, _ := strings.Cut(rest, "/")
	if !isHost(host) {
		return bad("it has no host")
	}
	repository, tag, digest, err := splitVersion(path)
	if err != nil {
		return bad(err.Error())
	}
	return Reference{Host: host, PlainHTTP: plain, Repository: repository, Tag: tag, Digest: digest}, nil
}

// Name returns the reference without its scheme, as stock clients write it.
func (r Reference) Name() string {
	name := r.Host + "/" + r.Repository
	if r.Tag != "" {
		name += ":" + r.Tag
	}
	if r.Digest != "" {
		name += "@" + r.Digest
	}
	return name
}

// String returns what Parse takes.
func (r Reference) String() string { return scheme(r.PlainHTTP) + r.Name() }

// Version is what the registry is asked for: the digest if there is one, else the tag.
func (r Reference) Version() string {
	if r.Digest != "" {
		return r.Digest
	}
	return r.Tag
}

// APIHost is who answers requests: Docker Hub's API is not at the name that it is known by.
func (r Reference) APIHost() string {
	if IsDockerHub(r.Host) {
		return "registry-1.docker.io"
	}
	return r.Host
}

// IsDockerHub says whether the host is one of Docker Hub's names, with the port of HTTPS or none.
func IsDockerHub(host string) bool {
	switch strings.ToLower(strings.TrimSuffix(host, ":443")) {
	case "docker.io", "index.docker.io", "registry-1.docker.io":
		return true
	}
	return false
}

// splitVersion cuts `repository:tag@digest`.
func splitVersion(path string) (repository, tag, digest string, err error) {
	named, digest, hasDigest := strings.Cut(path, "@")
	repository, tag, hasTag := strings.Cut(named, ":")
	switch {
	case !IsRepository(repository):
		return "", "", "", fmt.Errorf("the repository is not repository/name in lower case")
	case hasTag && !IsTag(tag):
		return "", "", "", fmt.Errorf("the tag has other characters than letters, digits, _, . and -, or more than 128")
	case hasDigest && !IsDigest(digest):
		return "", "", "", fmt.Errorf("after @ stands no digest (sha256: and 64 characters of 0-9 and a-f)")
	case !hasTag && !hasDigest:
		return "", "", "", fmt.Errorf("it has neither a tag nor a digest")
	}
	return repository, tag, digest, nil
}

func scheme(plain bool) string {
	if plain {
		return "http://"
	}
	return "https://"
}

// short bounds what a message repeats of an input.
func short(text string) string {
	const most = 120
	if len(text) > most {
		return text[:most] + "…"
	}
	return text
}
