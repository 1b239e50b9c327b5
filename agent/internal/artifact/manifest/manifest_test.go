package manifest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/compress"
	"github.com/converged-computing/oras-operator/agent/internal/artifact/manifest"
	"github.com/converged-computing/oras-operator/agent/internal/failure"
)

const (
	sum   = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	other = "sha256:fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
	title = "org.opencontainers.image.title"
)

var source = manifest.Source{Reference: "r/x:1", MediaType: manifest.TypeManifest, Code: 184}

// layer is the JSON of one; extra members replace none.
func layer(digest, size, name string, annotations ...string) string {
	pairs := append([]string{fmt.Sprintf("%q:%s", title, quote(name))}, annotations...)
	return fmt.Sprintf(`{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"%s","size":%s,"annotations":{%s}}`, digest, size, strings.Join(pairs, ","))
}

func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

func of(layers ...string) string {
	return `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"` + sum +
		`","size":2},"layers":[` + strings.Join(layers, ",") + `]}`
}

func typed(mediaType, layer string) string {
	return strings.Replace(layer, "application/vnd.oci.image.layer.v1.tar", mediaType, 1)
}

func TestWhatIsTaken(t *testing.T) {
	const unpack = `"io.deis.oras.content.unpack":"true"`
	tarGzip := "application/vnd.oci.image.layer.v1.tar+gzip"
	oraspy := func(l string) string {
		return strings.Replace(of(typed(tarGzip, l)), "application/vnd.oci.empty.v1+json", "application/vnd.unknown.config.v1+json", 1)
	}
	for name, c := range map[string]struct {
		raw  string
		want manifest.Layer
	}{
		"a file":           {of(layer(sum, "5", "f")), manifest.Layer{Digest: sum, Size: 5, Title: "f", Mode: 0o644}},
		"a path":           {of(layer(sum, "0", "./a//b.txt")), manifest.Layer{Digest: sum, Title: "a/b.txt", Mode: 0o644}},
		"an executable":    {of(layer(sum, "5", "f", `"oras.converged-computing.github.io/mode":"0755"`)), manifest.Layer{Digest: sum, Size: 5, Title: "f", Mode: 0o755}},
		"an odd mode":      {of(layer(sum, "5", "f", `"oras.converged-computing.github.io/mode":"4755"`)), manifest.Layer{Digest: sum, Size: 5, Title: "f", Mode: 0o644}},
		"a directory":      {of(layer(sum, "5", "d", unpack)), manifest.Layer{Digest: sum, Size: 5, Title: "d", Archive: true, Mode: 0o644}},
		"contents":         {of(layer(sum, "5", ".", unpack)), manifest.Layer{Digest: sum, Size: 5, Archive: true, Mode: 0o644}},
		"a marked False":   {of(layer(sum, "5", "d", `"io.deis.oras.content.unpack":"True"`)), manifest.Layer{Digest: sum, Size: 5, Title: "d", Mode: 0o644}},
		"an archive":       {of(typed(tarGzip, layer(sum, "5", "d.tar.gz"))), manifest.Layer{Digest: sum, Size: 5, Title: "d.tar.gz", Mode: 0o644}},
		"of oras-py":       {oraspy(layer(sum, "5", "d")), manifest.Layer{Digest: sum, Size: 5, Title: "d", Archive: true, Guessed: true, Mode: 0o644}},
		"of oras-py, file": {oraspy(layer(sum, "5", "d.tgz")), manifest.Layer{Digest: sum, Size: 5, Title: "d.tgz", Mode: 0o644}},
		"of oras-py, True": {oraspy(layer(sum, "5", "d", `"io.deis.oras.content.unpack":"True"`)), manifest.Layer{Digest: sum, Size: 5, Title: "d", Mode: 0o644}},
		"beside unnamed": {of(`{"mediaType":"x","digest":"`+other+`","size":9}`, layer(other, "9", ""), layer(sum, "5", "f")),
			manifest.Layer{Digest: sum, Size: 5, Title: "f", Mode: 0o644}},
		"the same twice": {of(layer(sum, "5", "f"), layer(sum, "5", "./f")), manifest.Layer{Digest: sum, Size: 5, Title: "f", Mode: 0o644}},
		"attached": {strings.Replace(of(layer(sum, "5", "f")), `"schemaVersion"`, `"subject":{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"`+other+`","size":200000000},"schemaVersion"`, 1),
			manifest.Layer{Digest: sum, Size: 5, Title: "f", Mode: 0o644}},
		"annotations in any case": {of(layer(sum, "5", "f", `"Size":"x"`)), manifest.Layer{Digest: sum, Size: 5, Title: "f", Mode: 0o644}},
		"blanks behind":           {of(layer(sum, "5", "f")) + " \n", manifest.Layer{Digest: sum, Size: 5, Title: "f", Mode: 0o644}},
	} {
		m, err := manifest.Parse([]byte(c.raw), source)
		if err != nil || len(m.Layers) != 1 || m.Layers[0] != c.want {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
	m, err := manifest.Parse([]byte(of(`{"mediaType":"x","digest":"`+sum+`","size":3,"annotations":{"org.opencontainers.image.title":"run.tar.zst","oras.converged-computing.github.io/unpack":"true"}}`)), source)
	if err != nil || !m.Layers[0].Archive || m.Layers[0].Title != "run" || m.Layers[0].PackedName("a/b") != "run.tar.zst" {
		t.Errorf("zstd: %+v, %v", m, err)
	}
}

func TestPackedName(t *testing.T) {
	for l, want := range map[manifest.Layer]string{{Title: "a/d", Archive: true}: "a/d.tar.gz", {Archive: true}: "rep.tar.gz"} {
		if got := l.PackedName("own/rep"); got != want {
			t.Errorf("%+v: %s", l, got)
		}
	}
}

func TestWhatIsRefused(t *testing.T) {
	good := layer(sum, "5", "f")
	cases := map[string]struct{ raw, words string }{
		"layers and LAYERS":             {strings.TrimSuffix(of(layer("sha256:../../etc/passwd", "1", "f")), "}") + `,"LAYERS":[` + good + `]}`, `"layers" and "LAYERS"`},
		"LAYERS before":                 {`{"LAYERS":[],` + of(good)[1:], `"LAYERS"`},
		"LAYERS alone":                  {strings.Replace(of(good), "layers", "LAYERS", 1), `"LAYERS" where`},
		"a long s":                      {strings.Replace(of(good), `"layers"`, `"layerſ"`, 1), "where programs expect"},
		"an escaped key":                {`{"\u006cayers":[],` + of(good)[1:], `"layers" and "layers"`},
		"digest twice in a layer":       {of(strings.Replace(good, `{"mediaType"`, `{"Digest":"x","mediaType"`, 1)), `"Digest"`},
		"a title twice":                 {of(layer(sum, "5", "f", `"`+title+`":"g"`)), "keys"},
		"a title in two cases":          {of(layer(sum, "5", "f", `"ORG.opencontainers.image.title":"g"`)), "keys"},
		"config in two cases, deep":     {strings.Replace(of(good), `"config":{`, `"config":{"Size":1,`, 1), `"Size"`},
		"digest that is a path":         {of(layer("sha256:../../../../etc/hostname", "5", "f")), "64 hex digits"},
		"digest of a path of 64":        {of(layer("sha256:"+strings.Repeat("../", 21)+"a", "5", "f")), "64 hex digits"},
		"digest in capitals":            {of(layer(strings.ToUpper(sum[7:]), "5", "f")), "64 hex digits"},
		"digest of another kind":        {of(layer("sha512:"+sum[7:]+sum[7:], "5", "f")), "64 hex digits"},
		"digest with a newline":         {of(layer(sum+`\n`, "5", "f")), "64 hex digits"},
		"digest of an unnamed layer":    {of(`{"mediaType":"x","digest":"../x","size":9}`, good), "64 hex digits"},
		"no digest":                     {of(`{"mediaType":"x","size":9}`), "64 hex digits"},
		"size text":                     {of(layer(sum, `"5"`, "f")), "number of bytes"},
		"size command":                  {of(layer(sum, `"IFS=0"`, "f")), "number of bytes"},
		"size float":                    {of(layer(sum, "1.5", "f")), "number of bytes"},
		"size exponent":                 {of(layer(sum, "1e308", "f")), "number of bytes"},
		"size negative":                 {of(layer(sum, "-5", "f")), "number of bytes"},
		"size null":                     {of(layer(sum, "null", "f")), "number of bytes"},
		"size object":                   {of(layer(sum, "{}", "f")), "number of bytes"},
		"size too large":                {of(layer(sum, "9223372036854775808", "f")), "size"},
		"sizes that overflow":           {of(layer(sum, "9223372036854775807", "f"), layer(other, "1", "g")), "larger than any disk"},
		"title that climbs":             {of(layer(sum, "5", "a/../../outside/x")), "leaves the place"},
		"title absolute":                {of(layer(sum, "5", "/abs")), "leaves the place"},
		"title ..":                      {of(layer(sum, "5", "..")), "leaves the place"},
		"title .":                       {of(layer(sum, "5", ".")), "that of a directory"},
		"title with a slash":            {of(layer(sum, "5", "x/")), "that of a directory"},
		"title with a zero byte":        {of(layer(sum, "5", "a\x00b")), "zero byte"},
		"title too long":                {of(layer(sum, "5", strings.Repeat("x", 300))), "more than 255"},
		"title deep":                    {of(layer(sum, "5", strings.Repeat("d/", 3000)+"x")), "more than 4096"},
		"title a number":                {strings.Replace(of(good), `"f"`, "7", 1), "not that of an artifact"},
		"title a list":                  {strings.Replace(of(good), `"f"`, `["f"]`, 1), "not that of an artifact"},
		"two of one name":               {of(good, layer(other, "5", "./f")), "two files"},
		"a file below a file":           {of(good, layer(other, "5", "f/g")), "below it"},
		"layers an object":              {`{"schemaVersion":2,"layers":{"a":` + good + `}}`, "not that of an artifact"},
		"not JSON":                      {"\xff\xfe", "UTF-8"},
		"nothing":                       {"", "not JSON"},
		"a list":                        {"[]", "not that of an artifact"},
		"something behind":              {of(good) + "{}", "something follows"},
		"something behind, closed":      {of(good) + "}", "not JSON"},
		"deep":                          {`{"layers":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + "}", "nested"},
		"5 MB":                          {of(layer(sum, "5", "f", `"x":"`+strings.Repeat("y", 5_000_000)+`"`)), "bytes, more than"},
		"an index":                      {`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"digest":"` + sum + `","size":1,"platform":{"os":"linux","architecture":"arm64"}}]}`, sum + " for linux/arm64"},
		"an index without a type":       {`{"schemaVersion":2,"manifests":[]}`, "index"},
		"a list of docker":              {`{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.list.v2+json","manifests":[]}`, "index"},
		"an index with layers":          {`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[],"layers":[` + good + `]}`, "differently"},
		"a withdrawn kind":              {`{"mediaType":"application/vnd.oci.artifact.manifest.v1+json","blobs":[` + good + `]}`, "withdrawn"},
		"schema 1":                      {`{"schemaVersion":1,"fsLayers":[]}`, "schema version"},
		"another kind":                  {`{"schemaVersion":2,"mediaType":"application/x","layers":[` + good + `]}`, "application/x"},
		"an image":                      {strings.Replace(of(`{"mediaType":"x","digest":"`+sum+`","size":9}`), "vnd.oci.empty", "vnd.oci.image.config", 1), "container image"},
		"a chart":                       {strings.Replace(of(`{"mediaType":"x","digest":"`+sum+`","size":9}`), "vnd.oci.empty.v1", "vnd.cncf.helm.config.v1", 1), "helm chart"},
		"a source of flux":              {strings.Replace(of(`{"mediaType":"x","digest":"`+sum+`","size":9}`), "vnd.oci.empty.v1", "vnd.cncf.flux.config.v1", 1), "flux"},
		"a signature":                   {of(`{"mediaType":"application/vnd.dev.cosign.simplesigning.v1+json","digest":"` + sum + `","size":9}`), "cosign"},
		"annotations alone":             {of(`{"mediaType":"application/vnd.oci.empty.v1+json","digest":"` + sum + `","size":2}`), "only annotations"},
		"no layers":                     {of(), "only annotations"},
		"no names":                      {of(`{"mediaType":"x","digest":"` + sum + `","size":9}`), "no file name"[3:]},
		"a title that a terminal obeys": {of(layer(sum, "5", "../\x1b[31m")), `"../?[31m"`},
	}
	for name, c := range cases {
		s := source
		if !strings.Contains(c.raw, manifest.TypeManifest) {
			s.MediaType = ""
		}
		m, err := manifest.Parse([]byte(c.raw), s)
		f := failure.As(err)
		if f == nil || f.Code != 184 || !strings.Contains(f.Message, c.words) || !strings.Contains(f.Message, "r/x:1") {
			t.Errorf("%s: %+v, %v; want %q", name, m, err, c.words)
		} else if len(f.Message) > 1500 {
			t.Errorf("%s: a message of %d bytes", name, len(f.Message))
		}
	}
	s := source
	s.MediaType = manifest.TypeIndex
	if _, err := manifest.Parse([]byte(of(good)), s); err == nil || !strings.Contains(err.Error(), "registry says") {
		t.Errorf("%v", err)
	}
}

func parts() []manifest.Part {
	result := compress.Result{Content: compress.Sum{Digest: other, Size: 10}, Blob: compress.Sum{Digest: sum, Size: 5}}
	return []manifest.Part{
		{Title: "analysis", Directory: true, Method: compress.Gzip, Result: result},
		{Title: ".", Directory: true, Method: compress.Zstd, Result: result},
		{Title: "tool", Mode: os.FileMode(0o755), Result: result},
		{Title: "data <&>", Mode: os.FileMode(0o644), Result: result},
	}
}

func TestEncode(t *testing.T) {
	a := manifest.Artifact{Repository: "own/rep", Parts: parts(), Images: []string{"i0", "", "i2"}, Inputs: []string{"", sum}, Reference: "r/x:1", Code: 190}
	raw, err := manifest.Encode(a)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"annotations":{"oras.converged-computing.github.io/image":"i0","oras.converged-computing.github.io/image_2":"i2","oras.converged-computing.github.io/input_1":"` + sum +
		`","org.opencontainers.image.created":"1970-01-01T00:00:00Z"},"artifactType":"application/vnd.converged-computing.oras-operator.artifact.v1","config":{"data":"e30=","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","mediaType":"application/vnd.oci.empty.v1+json","size":2},"layers":[` +
		`{"annotations":{"io.deis.oras.content.digest":"` + other + `","io.deis.oras.content.unpack":"true","org.opencontainers.image.title":"analysis"},"digest":"` + sum + `","mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","size":5},` +
		`{"annotations":{"oras.converged-computing.github.io/unpack":"true","org.opencontainers.image.title":"rep.tar.zst"},"digest":"` + sum + `","mediaType":"application/vnd.oci.image.layer.v1.tar+zstd","size":5},` +
		`{"annotations":{"oras.converged-computing.github.io/mode":"0755","org.opencontainers.image.title":"tool"},"digest":"` + sum + `","mediaType":"application/vnd.oci.image.layer.v1.tar","size":5},` +
		`{"annotations":{"org.opencontainers.image.title":"data <&>"},"digest":"` + sum + `","mediaType":"application/vnd.oci.image.layer.v1.tar","size":5}],` +
		`"mediaType":"application/vnd.oci.image.manifest.v1+json","schemaVersion":2}`
	if string(raw) != want {
		t.Errorf("%s\nwant\n%s", raw, want)
	}
	m, err := manifest.Parse(raw, source)
	if err != nil || len(m.Layers) != 4 || m.Bytes != 20 || m.Layers[2].Mode != 0o755 || !m.Layers[1].Archive || m.ArtifactType != manifest.ArtifactType {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestEncodeRefuses(t *testing.T) {
	again := parts()[0]
	again.Container = 7
	twice := append(parts(), again)
	twice[0].Container = 2
	latin := []manifest.Part{{Title: "caf\xe9"}}
	for words, p := range map[string][]manifest.Part{"wrapped containers 2 and 7 both made an output named": twice, "not UTF-8": latin} {
		if f := failure.As(second(manifest.Encode(manifest.Artifact{Parts: p, Code: 190}))); f == nil || f.Code != 190 || !strings.Contains(f.Message, words) {
			t.Errorf("%s: %v", words, f)
		}
	}
}

func second(_ []byte, err error) error { return err }

// Whatever is taken has digests, sizes and titles that are what they should be, and the strictest of readers agrees.
func FuzzParse(f *testing.F) {
	f.Add([]byte(of(layer(sum, "5", "f"), layer(other, "9", "d/x"))))
	f.Add([]byte(`{"layers":[],"LAYERS":[]}`))
	f.Add([]byte(of(layer(sum, "1e3", "../f"))))
	if raw, err := manifest.Encode(manifest.Artifact{Parts: parts()}); err == nil {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := manifest.Parse(bytes.Clone(raw), manifest.Source{Code: 184})
		if err != nil {
			if failure.As(err) == nil {
				t.Fatalf("%v", err)
			}
			return
		}
		if !json.Valid(raw) || len(m.Layers) == 0 {
			t.Fatal("taken")
		}
		var total int64
		for _, l := range m.Layers {
			total += l.Size
			steps := "/" + l.Title + "/"
			if len(l.Digest) != 71 || l.Size < 0 || l.Title == "" && !l.Archive || strings.Contains(steps, "/../") || strings.HasPrefix(l.Title, "/") || strings.Contains(l.Title, "\x00") {
				t.Fatalf("%+v", l)
			}
		}
		if total != m.Bytes {
			t.Fatalf("%d bytes of %d", m.Bytes, total)
		}
	})
}
