package credentials

import (
	"encoding/json"
	"maps"
)

// Together is docker's config.json with the login of the step's own cache and what a step's Secret has, for programs such
// as the oras CLI. The cache's counts where both know a registry: it is for the cache alone.
//
// A helper for all registries (credsStore) is left out, because such programs would ask it for the cache, too, and not look
// at the entry: a configuration that was made on a laptop names one that no image has. Dropped says whether there was one.
func Together(cache *Late, secret *Secret) (text []byte, dropped bool, err error) {
	whole := dockerConfig{Auths: map[string]json.RawMessage{}, CredHelpers: map[string]string{}}
	if secret != nil {
		for _, named := range secret.configs {
			maps.Copy(whole.Auths, named.config.Auths)
			maps.Copy(whole.CredHelpers, named.config.CredHelpers)
			dropped = dropped || named.config.CredsStore != ""
		}
	}
	if cache != nil {
		own, _, err := cache.read()
		if err != nil {
			return nil, false, err
		}
		maps.Copy(whole.Auths, own.Auths)
		for host := range own.Auths {
			delete(whole.CredHelpers, host)
		}
	}
	text, err = json.Marshal(whole)
	return text, dropped, err
}
