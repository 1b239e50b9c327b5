package credentials

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/converged-computing/oras-operator/agent/internal/reference"
)

// dockerConfig is `.dockerconfigjson`, docker's config.json. Its other fields have no meaning here.
type dockerConfig struct {
	Auths       map[string]json.RawMessage `json:"auths"`
	CredHelpers map[string]string          `json:"credHelpers,omitempty"`
	CredsStore  string                     `json:"credsStore,omitempty"`
}

type dockerEntry struct {
	Username      string `json:"username"`
	Password      string `json:"password"`
	Auth          string `json:"auth"`
	IdentityToken string `json:"identitytoken"`
	RegistryToken string `json:"registrytoken"`
}

// parseConfig reads docker's config.json. The error says nothing of the content.
func parseConfig(text []byte) (dockerConfig, error) {
	var config dockerConfig
	if err := json.Unmarshal(text, &config); err != nil {
		return dockerConfig{}, errors.New("it is not a docker configuration in JSON")
	}
	return config, nil
}

// parseLegacyConfig reads the older `.dockercfg`, which is the content of `auths` alone.
func parseLegacyConfig(text []byte) (dockerConfig, error) {
	var config dockerConfig
	if err := json.Unmarshal(text, &config.Auths); err != nil {
		return dockerConfig{}, errors.New("it is not a docker configuration in JSON")
	}
	return config, nil
}

// place is where a key or an artifact is: `host:port` and `/path`.
type place struct {
	host string
	path string
	// usualPort is that of an artifact's scheme, which its host is written without. A key has none: its scheme does not count.
	usualPort string
}

// wantedBy is the same however the port is written that the scheme has anyway: it is the same server.
func wantedBy(ref reference.Reference) place {
	port := "443"
	if ref.PlainHTTP {
		port = "80"
	}
	return place{host: apiHost(strings.TrimSuffix(ref.Host, ":"+port)), path: "/" + ref.Repository, usualPort: port}
}

// logins returns those of `auths` for a repository, in the kubelet's order (k8s.io/kubernetes/pkg/credentialprovider,
// BasicDockerKeyring): the more specific first. All are returned, as the kubelet tries one after another. Entries that
// cannot be read count as absent unless nothing else fits.
func (c dockerConfig) logins(wanted place) ([]Login, error) {
	var fitting []string
	keys := map[string]string{}
	for key := range c.Auths {
		if at, ok := parseKey(key); ok && at.matches(wanted) {
			fitting = append(fitting, key)
			keys[key] = at.host + at.path
		}
	}
	slices.SortFunc(fitting, func(a, b string) int {
		// Twice the same place: an order that does not change from run to run.
		return -strings.Compare(keys[a]+"\x00"+a, keys[b]+"\x00"+b)
	})
	var found []Login
	var broken error
	for _, key := range fitting {
		login, err := parseEntry(c.Auths[key])
		if err != nil {
			broken = errors.New("its entry " + key + " " + err.Error())
		} else if !login.isEmpty() {
			login.Source = "the entry " + key
			found = append(found, login)
		}
	}
	if len(found) > 0 {
		return found, nil
	}
	return nil, broken
}

// parseKey reads `host`, `host:port`, `host/path`, any of them with a scheme, with /v1/ or /v2/ after the host.
func parseKey(key string) (place, bool) {
	if !strings.HasPrefix(key, "https://") && !strings.HasPrefix(key, "http://") {
		key = "https://" + key
	}
	parsed, err := url.Parse(key)
	if err != nil || parsed.Host == "" {
		return place{}, false
	}
	at := parsed.Path
	if at == "/v1" || at == "/v2" || strings.HasPrefix(at, "/v1/") || strings.HasPrefix(at, "/v2/") {
		at = at[len("/v1"):]
	}
	if at == "/" {
		at = ""
	}
	return place{host: apiHost(parsed.Host), path: at}, true
}

// matches says whether a key fits what is wanted, by the kubelet's URLsMatch: equal ports, as many labels in the host,
// each of them a pattern, and the path a prefix, wherever it ends. The port that the scheme has anyway may stand in one
// of them alone, for which the kubelet has no login.
func (key place) matches(wanted place) bool {
	labels, port := splitHost(key.host)
	wantedLabels, wantedPort := splitHost(wanted.host)
	if port == wanted.usualPort {
		port = ""
	}
	if port != wantedPort || len(labels) != len(wantedLabels) || !strings.HasPrefix(wanted.path, key.path) {
		return false
	}
	for i, label := range labels {
		if matched, err := path.Match(label, wantedLabels[i]); err != nil || !matched {
			return false
		}
	}
	return true
}

func splitHost(text string) (labels []string, port string) {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		host, port = strings.Trim(text, "[]"), ""
	}
	return strings.Split(strings.ToLower(host), "."), port
}

// apiHost makes one of Docker Hub's three names.
func apiHost(host string) string { return reference.Reference{Host: host}.APIHost() }

// parseEntry reads one of `auths`. `auth` counts before `username` and `password`, as for the kubelet.
func parseEntry(text json.RawMessage) (Login, error) {
	var entry dockerEntry
	if err := json.Unmarshal(text, &entry); err != nil {
		return Login{}, errors.New("is not an object with auth, or username and password")
	}
	login := Login{Username: entry.Username, Password: entry.Password, IdentityToken: entry.IdentityToken, RegistryToken: entry.RegistryToken}
	if entry.Auth != "" {
		decoded, err := decodeBase64(entry.Auth)
		user, password, whole := strings.Cut(decoded, ":")
		if err != nil || !whole {
			return Login{}, errors.New("has an auth that is not user:password in base64")
		}
		login.Username, login.Password = user, strings.TrimRight(password, "\x00")
	}
	if login.IdentityToken != "" {
		// The user beside it is a placeholder (00000000-… of Azure).
		login.Username, login.Password = "", ""
	}
	return login, nil
}

// decodeBase64 with or without padding; line breaks inside are skipped.
func decodeBase64(text string) (string, error) {
	decoded, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.TrimSpace(text), "="))
	return string(decoded), err
}

// helpers are the programs that may know the login, in the order in which docker asks them, and what each is asked for.
func (c dockerConfig) helper(wanted place) (name string, own bool) {
	best := ""
	for key, program := range c.CredHelpers {
		if at, ok := parseKey(key); ok && at.matches(wanted) && (best == "" || key > best) {
			best, name = key, program
		}
	}
	if best != "" {
		return name, true
	}
	return c.CredsStore, false
}
