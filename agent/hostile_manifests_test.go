package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/contract"
	"github.com/converged-computing/oras-operator/agent/internal/failure"
	"github.com/converged-computing/oras-operator/agent/internal/inputs"
	"github.com/converged-computing/oras-operator/agent/internal/registry"
	"github.com/converged-computing/oras-operator/agent/internal/share"
)

// refusedManifest is a manifest, what is said of it and with which code.
type refusedManifest struct {
	manifest []byte
	code     int
	says     string
}

func refuseAll(t *testing.T, h *hostile, cases map[string]refusedManifest) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			input, _ := h.put(t, c.manifest)
			code, message, _ := taken(t, input)
			if code != c.code || !strings.Contains(message, c.says) {
				t.Errorf("exit code %d and %q, want %d and %q", code, message, c.code, c.says)
			}
		})
	}
}

// sec-02-poison: digests that are paths.
func TestHostileDigests(t *testing.T) {
	t.Parallel()
	h := newHostile(t)
	good := h.blob([]byte("hello"), "good")
	other := []byte("other")
	up := strings.Repeat("../", 12)
	cases := map[string]refusedManifest{
		"of the wrong blob":    {manifestOf(t, []layer{good.with("digest", digestOf(other))}), 181, "a part of it is not"},
		"none":                 {manifestOf(t, []layer{good.with("digest", nil)}), 184, "64 hex digits"},
		"a number":             {manifestOf(t, []layer{good.with("digest", 7)}), 184, "not that of an artifact"},
		"of the config a path": {manifestOf(t, []layer{good}, "config", emptyConfig.with("digest", "sha256:"+up+"etc/hostname")), 184, "its config"},
		"of the subject a path": {
			manifestOf(t, []layer{good}, "subject", good.with("digest", "sha256:"+up+"etc/hostname").with("annotations", nil)), 184, "its subject",
		},
		"in an index": {
			[]byte(`{"schemaVersion":2,"mediaType":"` + typeIndex + `","manifests":[],"layers":[{"digest":"sha256:` + up + `etc/hostname","size":1}]}`), 184, "differently",
		},
		"in a nested index": {
			[]byte(`{"schemaVersion":2,"mediaType":"` + typeIndex + `","manifests":[{"mediaType":"` + typeIndex + `","digest":"` + digestOf(other) + `","size":1}]}`), 184, "index",
		},
	}
	for name, digest := range map[string]string{
		"a path":                  "sha256:" + up + "etc/hostname",
		"a path to a socket":      "sha256:../../../socket",
		"a path to a device":      "sha256:" + up + "dev/zero",
		"a path of 64 characters": "sha256:" + strings.Repeat("../", 21) + "a",
		"blanks and newlines":     "sha256:a file 1 Lg==\nsha256:b file 1 Zg==",
		"a newline behind":        digestOf([]byte("hello")) + "\n",
		"in capitals":             strings.ToUpper(digestOf([]byte("hello"))),
		"of another algorithm":    "sha512:" + strings.Repeat("0123456789abcdef", 8),
		"a query":                 digestOf([]byte("hello")) + "?x=1",
		"escaped":                 "sha256:%2e%2e%2f" + strings.Repeat("0", 55),
		"a zero byte":             digestOf([]byte("hello"))[:70] + "\x00",
		"empty":                   "",
	} {
		cases[name] = refusedManifest{manifestOf(t, []layer{good.with("digest", digest)}), 184, "64 hex digits"}
		cases[name+", two ways"] = refusedManifest{twoWays(t, []layer{good.with("digest", digest)}, []layer{good}), 184, "programs"}
	}
	refuseAll(t, h, cases)
	for _, line := range h.seen {
		if strings.Contains(line, "..") || strings.Contains(line, "etc") {
			t.Errorf("the registry was asked %s", line)
		}
	}
}

func TestHostileSizes(t *testing.T) {
	t.Parallel()
	h := newHostile(t)
	good := h.blob([]byte("hello"), "good")
	cases := map[string]refusedManifest{}
	for name, size := range map[string]any{
		"a command": "IFS=0", "an assignment": "timeout=99999999", "a text": "5", "infinite": math.MaxFloat64, "negative": -5, "a fraction": 1.5, "an expression": "1+",
		"null": nil, "an object": layer{}, "a list": []int{1}, "true": true, "minus zero": json.RawMessage("-0"), "with an exponent": json.RawMessage("5e0"),
		"larger than 64 bits": json.RawMessage("9223372036854775808"), "of a thousand digits": json.RawMessage(strings.Repeat("9", 1000)),
	} {
		sized := good.with("size", size)
		if size == nil {
			sized = good.with("size", json.RawMessage("null"))
		}
		cases[name] = refusedManifest{manifestOf(t, []layer{sized}), 184, "size"}
		cases[name+", two ways"] = refusedManifest{twoWays(t, []layer{sized}, []layer{good}), 184, "programs"}
	}
	cases["too small"] = refusedManifest{manifestOf(t, []layer{good.with("size", 4)}), 184, "has 5 bytes in the registry, 4 in the manifest"}
	cases["too large"] = refusedManifest{manifestOf(t, []layer{good.with("size", 6)}), 184, "has 5 bytes in the registry, 6 in the manifest"}
	cases["as large as can be"] = refusedManifest{manifestOf(t, []layer{good.with("size", math.MaxInt64)}), 184, "in the registry"}
	cases["that overflow together"] = refusedManifest{
		manifestOf(t, []layer{good.with("size", math.MaxInt64), h.blob([]byte("b"), "b").with("size", math.MaxInt64)}), 184, "larger than any disk",
	}
	cases["none"] = refusedManifest{manifestOf(t, []layer{good.with("size", nil)}), 184, "size"}
	refuseAll(t, h, cases)
}

// sec-02-poison: keys that are equal but for case, on every level and for every kind of manifest.
func TestHostileKeys(t *testing.T) {
	t.Parallel()
	h := newHostile(t)
	good := h.blob([]byte("hello"), "good")
	whole := string(manifestOf(t, []layer{good}))
	cases := map[string]refusedManifest{}
	for _, key := range []string{"schemaVersion", "mediaType", "config", "layers", "digest", "size", "annotations", titleKey} {
		for name, other := range map[string]string{"the same": key, "capitals": strings.ToUpper(key), "the first": strings.ToUpper(key[:1]) + key[1:]} {
			at := strings.LastIndex(whole, `"`+key+`"`)
			twice := whole[:at] + `"` + other + `":"x",` + whole[at:]
			for kind, mediaType := range map[string]string{
				"": typeManifest, ", docker": "application/vnd.docker.distribution.manifest.v2+json", ", index": typeIndex,
				", withdrawn": "application/vnd.oci.artifact.manifest.v1+json",
			} {
				cases[key+", "+name+kind] = refusedManifest{[]byte(strings.ReplaceAll(twice, typeManifest, mediaType)), 184, "programs"}
			}
		}
	}
	cases["a letter that folds"] = refusedManifest{[]byte(strings.Replace(whole, `"layers"`, `"layerſ":[],"layers"`, 1)), 184, "programs"}
	cases["escaped"] = refusedManifest{[]byte(strings.Replace(whole, `"layers"`, `"\u006cayers":[],"layers"`, 1)), 184, "programs"}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			input, _ := h.put(t, c.manifest)
			// In this process: there are many.
			err := pullInto(t, t.TempDir(), input)
			if found := failure.As(err); found == nil || found.Code != c.code || !strings.Contains(found.Message, c.says) {
				t.Errorf("%v, want code %d and %q", err, c.code, c.says)
			}
		})
	}
}

func TestHostileTitles(t *testing.T) {
	t.Parallel()
	h := newHostile(t)
	cases := map[string]refusedManifest{}
	for _, title := range []string{
		"a/../../outside/x", "../outside/kept", "..", "../", "/abs", "/", "//", "x\n../y/../..", "a\x00b", "../x\x00", "x/", ".", "./", "x/.", "a/./..", strings.Repeat("x", 256),
		strings.Repeat("d/", 3000) + "x", "../\x1b[31mred", "../\u202etxt.exe",
	} {
		cases[strconv.Quote(title[:min(len(title), 20)])] = refusedManifest{manifestOf(t, []layer{h.blob([]byte("hello"), title)}), 184, "file name"}
	}
	cases["a number"] = refusedManifest{manifestOf(t, []layer{h.blob([]byte("hello"), 7)}), 184, "not that of an artifact"}
	cases["a list"] = refusedManifest{manifestOf(t, []layer{h.blob([]byte("hello"), []string{"a"})}), 184, "not that of an artifact"}
	cases["empty"] = refusedManifest{manifestOf(t, []layer{h.blob([]byte("hello"), "")}), 184, "nothing to unpack"}
	cases["not UTF-8"] = refusedManifest{bytes.Replace(manifestOf(t, []layer{h.blob([]byte("hello"), "LATIN")}), []byte("LATIN"), []byte("caf\xe9"), 1), 184, "UTF-8"}
	cases["twice, of other content"] = refusedManifest{manifestOf(t, []layer{h.blob([]byte("hello"), "f"), h.blob([]byte("other"), "f")}), 184, "two files"}
	cases["twice, written otherwise"] = refusedManifest{manifestOf(t, []layer{h.blob([]byte("hello"), "a/f"), h.blob([]byte("other"), "./a//f")}), 184, "two files"}
	cases["below a file"] = refusedManifest{manifestOf(t, []layer{h.blob([]byte("hello"), "f"), h.blob([]byte("other"), "f/g")}), 184, "below it"}
	refuseAll(t, h, cases)
}

// Names that look dangerous and are none: they are names.
func TestNamesThatAreNoMoreThanNames(t *testing.T) {
	t.Parallel()
	h := newHostile(t)
	names := []string{
		"-rf", "--", "$(id)", "`id`;x", "*", "a\nb", "\x01n\x01", "\x1b[31mred", "a b", "'\"", "\\", "...", "..a", "~", strings.Repeat("n", 255), "A", "a", ".wh.x", "CON", "é", "e\u0301",
		"d/" + strings.Repeat("é", 127),
	}
	var layers []layer
	for i, name := range names {
		layers = append(layers, h.blob([]byte(fmt.Sprint(i)), name))
	}
	input, _ := h.put(t, manifestOf(t, layers))
	code, message, place := taken(t, input)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, message)
	}
	for i, name := range names {
		if got, err := os.ReadFile(filepath.Join(place, name)); string(got) != fmt.Sprint(i) {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
}

// art-17 (an index), art-19 (a chart, annotations alone): each says what it is.
func TestHostileShapes(t *testing.T) {
	t.Parallel()
	h := newHostile(t)
	good := h.blob([]byte("hello"), "good")
	unnamed := h.blob([]byte("layer"), nil)
	config := func(mediaType string) []any { return []any{"config", emptyConfig.with("mediaType", mediaType)} }
	refuseAll(t, h, map[string]refusedManifest{
		"nothing":             {[]byte{}, 184, "not JSON"},
		"not JSON":            {[]byte("\xff\xfe"), 184, "UTF-8"},
		"a web page":          {[]byte("<html>"), 184, "not JSON"},
		"a list":              {[]byte("[]"), 184, "not that of an artifact"},
		"two values":          {append(manifestOf(t, []layer{good}), '{', '}'), 184, "follows"},
		"layers an object":    {manifestOf(t, layer{"a": good}), 184, "not that of an artifact"},
		"layers null":         {manifestOf(t, nil), 184, "empty"},
		"deep":                {[]byte(`{"layers":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + "}"), 184, "nested"},
		"deep objects":        {[]byte(strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000)), 184, "nested"},
		"deep, never closed":  {[]byte(strings.Repeat(`[`, 4_000_000)), 184, "nested"},
		"of 5 MB":             {manifestOf(t, []layer{good}, "annotations", layer{"x": strings.Repeat("y", 5_000_000)}), 184, "longer than a manifest can be"},
		"4 MiB of small keys": {[]byte(`{"a":{` + strings.Repeat(`"k":1,`, 600_000) + `"z":1}}`), 184, "keys"},
		"4 MiB of layers":     {[]byte(`{"schemaVersion":2,"layers":[` + strings.Repeat(`{},`, 1_300_000) + `{}]}`), 184, "more than 100000"},
		"an image":            {manifestOf(t, []layer{unnamed}, config("application/vnd.oci.image.config.v1+json")...), 184, "container image"},
		"an image of docker": {
			bytes.ReplaceAll(manifestOf(t, []layer{unnamed}, config("application/vnd.docker.container.image.v1+json")...), []byte(typeManifest), []byte("application/vnd.docker.distribution.manifest.v2+json")),
			184, "the registry says",
		},
		"a chart":     {manifestOf(t, []layer{unnamed}, config("application/vnd.cncf.helm.config.v1+json")...), 184, "helm chart"},
		"a signature": {manifestOf(t, []layer{unnamed.with("mediaType", "application/vnd.dev.cosign.simplesigning.v1+json")}), 184, "cosign"},
		"annotations": {manifestOf(t, []layer{}, "annotations", layer{"a": "b"}), 184, "only annotations"},
		"an index": {
			[]byte(`{"schemaVersion":2,"mediaType":"` + typeIndex + `","manifests":[{"digest":"` + digestOf([]byte("a")) + `","size":1,"platform":{"os":"linux","architecture":"arm64"}}]}`), 184, "linux/arm64",
		},
	})
}

// Fourteen thousand names for one blob, as many as a manifest has room for: it is fetched once.
func TestManyNamesOfOneBlob(t *testing.T) {
	t.Parallel()
	h := newHostile(t)
	var layers []layer
	for i := range 14_000 {
		layers = append(layers, h.blob([]byte("hello"), fmt.Sprintf("f%d", i)))
	}
	input, _ := h.put(t, manifestOf(t, layers))
	code, message, place := taken(t, input)
	found, err := os.ReadDir(place)
	must(t, err)
	if code != 0 || len(found) != 14_000 {
		t.Errorf("exit code %d, %d files: %s", code, len(found), message)
	}
	fetched := 0
	for _, line := range h.seen {
		if strings.Contains(line, "/blobs/") {
			fetched++
		}
	}
	if fetched != 1 {
		t.Errorf("it was fetched %d times", fetched)
	}
}

// A config, a subject and layers without a name may be as large as they say: nobody needs them.
func TestWhatIsNotUnpackedIsNotFetched(t *testing.T) {
	t.Parallel()
	h := newHostile(t)
	huge := layer{"mediaType": "application/x", "digest": digestOf([]byte("huge")), "size": 40 << 30}
	for name, manifest := range map[string][]byte{
		"config":  manifestOf(t, []layer{h.blob([]byte("hello"), "good")}, "config", huge),
		"subject": manifestOf(t, []layer{h.blob([]byte("hello"), "good")}, "subject", huge),
		"layer":   manifestOf(t, []layer{huge, h.blob([]byte("hello"), "good")}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			input, _ := h.put(t, manifest)
			code, message, place := taken(t, input, limitWithRoom(t, 1000))
			if got, _ := os.ReadFile(filepath.Join(place, "good")); code != 0 || string(got) != "hello" {
				t.Errorf("exit code %d, %q: %s", code, got, message)
			}
			if h.asked(digestOf([]byte("huge"))) {
				t.Error("it was fetched")
			}
		})
	}
}

// limitWithRoom is the limit of a volume that takes so many bytes beside the agent, once.
func limitWithRoom(t *testing.T, bytes int64) string {
	t.Helper()
	room, err := share.Room(0, 1)
	must(t, err)
	return fmt.Sprintf("--limit=%d", bytes-room)
}

// What is larger than the volume of the step is refused before a byte of it is fetched.
func TestInputsThatAreLargerThanTheVolume(t *testing.T) {
	t.Parallel()
	h := newHostile(t)
	good := h.blob([]byte("hello"), "good")
	for name, manifest := range map[string][]byte{
		"one":      manifestOf(t, []layer{good.with("size", 1<<50)}),
		"together": manifestOf(t, []layer{good, h.blob(make([]byte, 600), "a"), h.blob(append(make([]byte, 600), 1), "b")}),
		"archive":  manifestOf(t, []layer{h.archive(gzipped(t, make([]byte, 10)), "d").with("size", 1001)}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			input, repository := h.put(t, manifest)
			if code, message, _ := taken(t, input, limitWithRoom(t, 1000)); code != 184 || !strings.Contains(message, "room for 1000 (oras.converged-computing.github.io/share-size-limit)") {
				t.Errorf("exit code %d, %q", code, message)
			}
			if h.asked("/v2/" + repository + "/blobs/" + good["digest"].(string)) {
				t.Error("a blob was fetched")
			}
		})
	}
}

// Answers without an end, of every kind.
func TestAnswersThatNeverEnd(t *testing.T) {
	t.Parallel()
	pours := func(w http.ResponseWriter, r *http.Request) {
		zeros := make([]byte, 64<<10)
		for r.Context().Err() == nil {
			if _, err := w.Write(zeros); err != nil {
				return
			}
		}
	}
	drips := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "5")
		_, _ = w.Write([]byte("hell"))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
	bomb := gzipped(t, make([]byte, 64<<20))
	manifest, blob := "/manifests/1", "/blobs/"+digestOf([]byte("hello"))
	for name, c := range map[string]struct {
		path    string
		answers http.HandlerFunc
		code    int
		says    string
	}{
		"a manifest that pours": {manifest, pours, 184, "longer than a manifest can be"},
		"a manifest that drips": {manifest, drips, 183, "the registry did not answer within 5s"},
		"a manifest that is a bomb": {manifest, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(bomb)
		}, 184, ""},
		"a blob that pours": {blob, pours, 184, "longer than the manifest says"},
		"a blob that drips": {blob, drips, 183, "stalled"},
		"a blob that says so": {blob, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(40<<30))
			pours(w, r)
		}, 184, "in the registry, 5 in the manifest"},
		"a refusal that pours": {manifest, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			pours(w, r)
		}, 182, "403"},
		"a refusal that drips": {manifest, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte("no"))
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, 182, "403"},
		"headers that pour": {manifest, func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			defer conn.Close()
			_, err = conn.Write([]byte("HTTP/1.1 200 OK\r\n"))
			for err == nil {
				_, err = conn.Write([]byte("X: " + strings.Repeat("y", 1000) + "\r\n"))
			}
		}, 183, ""},
		"redirects": {blob, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
		}, 184, "redirects more than"},
		"a redirect to nobody": {blob, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/bucket?X-Amz-Signature=rs-secret-signature", http.StatusTemporaryRedirect)
		}, 183, "(127.0.0.1:1) refuses connections"},
		"tags that pour": {"/tags/list", pours, 181, "not in the registry"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHostile(t)
			input, repository := h.put(t, manifestOf(t, []layer{h.blob([]byte("hello"), "good")}))
			h.special["/v2/"+repository+c.path] = c.answers
			if c.path == "/tags/list" {
				delete(h.manifests, repository)
			}
			var limits []string
			if c.code == 183 || c.code == 182 { // Somebody waits until the time is over.
				limits = []string{"--timeout=5", "--stall-timeout=1"}
			}
			code, message, _ := taken(t, input, limits...)
			if code != c.code || !strings.Contains(message, c.says) || strings.Contains(message, "signature") {
				t.Errorf("exit code %d and %q, want %d and %q", code, message, c.code, c.says)
			}
		})
	}
}

func TestBlobsThatAreNotTheirDigests(t *testing.T) {
	t.Parallel()
	for name, sent := range map[string]string{"other bytes": "wrong", "longer": "hello and longer", "shorter": "hell", "nothing": "", "reversed": "olleh"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHostile(t)
			l := h.blob([]byte("hello"), "f")
			h.blobs[digestOf([]byte("hello"))] = []byte(sent)
			input, _ := h.put(t, manifestOf(t, []layer{l}))
			if code, message, _ := taken(t, input); code != 184 || !strings.Contains(message, digestOf([]byte("hello"))) {
				t.Errorf("exit code %d, %q", code, message)
			}
		})
	}
}

func gzipped(t *testing.T, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	must(t, err)
	_, err = w.Write(content)
	must(t, err)
	must(t, w.Close())
	return b.Bytes()
}

// pullInto pulls an input into a folder.
func pullInto(t *testing.T, folder, input string) error {
	t.Helper()
	references, err := parseReferences([]string{input})
	must(t, err)
	source := inputs.Source{
		References: references, Unpack: true, Registry: registry.Options{Timeout: 5 * time.Second},
		InvalidCode: contract.ExitInputInvalid, SetupCode: contract.ExitSetupFailed, Say: func(string, ...any) {},
	}
	_, err = inputs.Pull{Source: source, Folders: []string{folder}}.Run(t.Context())
	return err
}
