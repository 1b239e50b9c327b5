package access

import (
	"os"
	"slices"
	"strings"
)

// Of two access controllers distribution takes either, drawn anew at each start; and of other settings the operator knows
// only what it wrote itself.
var (
	reserved = []string{
		"REGISTRY_NOTIFICATIONS", "REGISTRY_HTTP_ADDR", "REGISTRY_HTTP_TLS", "REGISTRY_HTTP_DEBUG", "REGISTRY_HTTP_SECRET",
	}
	// reservedAuth is where the operator writes who may use the registry.
	reservedAuth = "REGISTRY_AUTH"
	// reservedStorage is where the operator writes where artifacts are.
	reservedStorage = "REGISTRY_STORAGE"
	// reservedWhole has some of these as one YAML text.
	reservedWhole = "REGISTRY_HTTP"
)

// Conflicts are the names of variables that decide what the operator has to decide.
func Conflicts(names []string, authWritten, storageWritten bool) []string {
	prefixes := slices.Clone(reserved)
	if authWritten {
		prefixes = append(prefixes, reservedAuth)
	}
	if storageWritten {
		prefixes = append(prefixes, reservedStorage)
	}
	var found []string
	for _, name := range names {
		is := func(prefix string) bool { return strings.HasPrefix(name, prefix) }
		if name == reservedWhole || slices.ContainsFunc(prefixes, is) {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	return found
}

// Variables are the names of what a mounted Secret has; nobody looks at the values.
func Variables(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	var names []string
	for _, entry := range entries {
		// The kubelet's own: ..data and what it points at.
		if !strings.HasPrefix(entry.Name(), "..") {
			names = append(names, entry.Name())
		}
	}
	return names, err
}
