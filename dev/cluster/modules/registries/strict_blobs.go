package main

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// minimumChunk in bytes; the last one may be smaller.
const minimumChunk = 20 << 20

// upload is a session. Its place changes with each answer, and its state is a parameter that has to stay as it was.
type upload struct {
	state   string
	content []byte
	// short: a chunk was smaller than the minimum, so it was the last one.
	short bool
}

// serveUpload begins a session for each mount too: this registry mounts nothing.
func (in *repo) serveUpload(w http.ResponseWriter, r *http.Request, id string, body []byte) {
	if r.Method == http.MethodPost {
		if r.Header.Get("Content-Length") != "" && len(body) > 0 {
			refuse(w, http.StatusBadRequest, "SIZE_INVALID")
			return
		}
		w.Header().Set("OCI-Chunk-Min-Length", strconv.Itoa(minimumChunk))
		in.goOn(w, r, &upload{})
		return
	}
	at := in.uploads[id]
	if at == nil || r.URL.Query().Get("_state") != at.state {
		refuse(w, http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN")
		return
	}
	chunked := len(r.TransferEncoding) > 0
	switch {
	case r.Method == http.MethodGet:
		w.Header().Set("Range", fmt.Sprintf("0-%d", len(at.content)-1))
		w.Header().Set("Location", r.URL.RequestURI())
		w.WriteHeader(http.StatusNoContent)
		return
	case r.Method == http.MethodDelete:
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	case len(body) > 0 && r.Header.Get("Content-Type") != "application/octet-stream":
		refuse(w, http.StatusUnsupportedMediaType, "BLOB_UPLOAD_INVALID")
		return
	case r.Method == http.MethodPatch && !chunked:
		if r.Header.Get("Content-Range") != fmt.Sprintf("%d-%d", len(at.content), len(at.content)+len(body)-1) {
			w.Header().Set("Range", fmt.Sprintf("0-%d", len(at.content)-1))
			refuse(w, http.StatusRequestedRangeNotSatisfiable, "BLOB_UPLOAD_INVALID")
			return
		}
	}
	if len(body) > 0 && at.short {
		refuse(w, http.StatusBadRequest, "SIZE_INVALID")
		return
	}
	at.content = append(at.content, body...)
	at.short = len(body) < minimumChunk
	delete(in.uploads, id)
	if r.Method == http.MethodPatch {
		w.Header().Set("Range", fmt.Sprintf("0-%d", len(at.content)-1))
		in.goOn(w, r, at)
		return
	}
	digest := r.URL.Query().Get("digest")
	if digestOf(at.content) != digest {
		refuse(w, http.StatusBadRequest, "DIGEST_INVALID")
		return
	}
	in.blobs[digest] = append([]byte{}, at.content...)
	w.Header().Set("Location", "../"+digest)
	w.WriteHeader(http.StatusCreated)
}

// goOn names the session's next place, relative to the one that was asked.
func (in *repo) goOn(w http.ResponseWriter, r *http.Request, at *upload) {
	id := random()
	at.state = random() + "=/+"
	in.uploads[id] = at
	w.Header().Set("Location", id+"?_state="+strings.NewReplacer("=", "%3D", "/", "%2F", "+", "%2B").Replace(at.state))
	w.WriteHeader(http.StatusAccepted)
}

// mostAtOnce in bytes of one answer to a request for a range: it may have less than was asked for.
const mostAtOnce = 1 << 20

var wanted = regexp.MustCompile(`^bytes=(\d+)-\d*$`)

// serveBlob redirects who reads.
func (in *repo) serveBlob(w http.ResponseWriter, r *http.Request, name, digest string) {
	content, ok := in.blobs[digest]
	switch {
	case !ok:
		w.WriteHeader(http.StatusNotFound)
	case r.Method == http.MethodHead:
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		w.WriteHeader(http.StatusOK)
	default:
		w.Header().Set("Location", "/store/"+name+"/"+digest)
		if host, port, _ := strings.Cut(r.Host, ":"); host == "127.0.0.1" && r.Header.Get("X-Forwarded-Proto") == "" {
			w.Header().Set("Location", "http://localhost:"+port+"/store/"+name+"/"+digest+"?signed")
		}
		w.WriteHeader(http.StatusTemporaryRedirect)
	}
}

// store is where it redirects to. At another host it takes no login, as object stores take none beside a signature.
func (s *strict) store(w http.ResponseWriter, r *http.Request) {
	name, digest := r.URL.Path[len("/store/"):], ""
	cut := strings.LastIndex(name, "/")
	name, digest = name[:cut], name[cut+1:]
	s.mu.Lock()
	content := s.repos[name].blobs[digest]
	s.mu.Unlock()
	if r.URL.Query().Has("signed") && r.Header.Get("Authorization") != "" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	found := wanted.FindStringSubmatch(r.Header.Get("Range"))
	if found == nil {
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		_, _ = w.Write(content)
		return
	}
	from, _ := strconv.Atoi(found[1])
	if from >= len(content) {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", len(content)))
		w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
		return
	}
	to := min(from+mostAtOnce, len(content))
	w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to-1, len(content)))
	w.Header().Set("Content-Length", strconv.Itoa(to-from))
	w.WriteHeader(http.StatusPartialContent)
	_, _ = w.Write(content[from:to])
}
