package main

import (
	"encoding/json"
	"net/http"
	"strings"
)

// serveManifest names no digest of what it reads, sends parameters with media types, and deletes by digest alone.
func (in *repo) serveManifest(w http.ResponseWriter, r *http.Request, reference string, body []byte) {
	digest := reference
	if !strings.Contains(reference, ":") {
		digest = in.tags[reference]
	}
	found, ok := in.manifests[digest]
	switch r.Method {
	case http.MethodPut:
		in.putManifest(w, r, reference, body)
	case http.MethodDelete:
		if digest != reference {
			refuse(w, http.StatusBadRequest, "UNSUPPORTED")
			return
		}
		if !ok {
			refuse(w, http.StatusNotFound, "MANIFEST_UNKNOWN")
			return
		}
		delete(in.manifests, digest)
		for tag, of := range in.tags {
			if of == digest {
				delete(in.tags, tag)
			}
		}
		w.WriteHeader(http.StatusAccepted)
	default:
		if !ok || !strings.Contains(r.Header.Get("Accept"), found.mediaType) {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", found.mediaType+"; charset=utf-8")
		_, _ = w.Write(found.bytes)
	}
}

func (in *repo) putManifest(w http.ResponseWriter, r *http.Request, reference string, body []byte) {
	var said struct {
		MediaType string
		Config    *struct{ Digest string }
		Layers    []struct{ Digest string }
		Manifests []struct{ Digest string }
	}
	digest := digestOf(body)
	isTag := !strings.Contains(reference, ":")
	if json.Unmarshal(body, &said) != nil || said.MediaType != r.Header.Get("Content-Type") || !isTag && reference != digest {
		refuse(w, http.StatusBadRequest, "MANIFEST_INVALID")
		return
	}
	if said.Config != nil {
		said.Layers = append(said.Layers, *said.Config)
	}
	for _, layer := range said.Layers {
		if in.blobs[layer.Digest] == nil {
			refuse(w, http.StatusNotFound, "MANIFEST_BLOB_UNKNOWN")
			return
		}
	}
	for _, part := range said.Manifests {
		if _, ok := in.manifests[part.Digest]; !ok {
			refuse(w, http.StatusNotFound, "MANIFEST_UNKNOWN")
			return
		}
	}
	in.manifests[digest] = manifest{said.MediaType, body}
	if isTag {
		in.tags[reference] = digest
	}
	w.Header().Set("Location", r.URL.Path)
	w.WriteHeader(http.StatusCreated)
}
