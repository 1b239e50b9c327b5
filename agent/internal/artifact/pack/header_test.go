package pack

import (
	"archive/tar"
	"bytes"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Any header is read back by the standard library as it was written.
func TestHeaders(t *testing.T) {
	name := rapid.Map(rapid.SliceOfN(rapid.ByteRange(1, 255), 1, 300), func(b []byte) string {
		s := strings.Trim(strings.ReplaceAll(string(b), "//", "/"), "/")
		return "x" + s
	})
	rapid.Check(t, func(t *rapid.T) {
		h := header{
			name: name.Draw(t, "name"), kind: rapid.SampledFrom([]byte{kindFile, kindHardLink, kindLink}).Draw(t, "kind"),
			mode: uint32(rapid.IntRange(0, 0o7777).Draw(t, "mode")),
		}
		if h.kind == kindFile {
			h.size = rapid.Int64Range(0, 1<<45).Draw(t, "size")
		} else {
			h.link = name.Draw(t, "link")
		}
		if rapid.Bool().Draw(t, "attribute") {
			h.records = []record{{attributePrefix + "user.a", rapid.String().Draw(t, "value")}}
		}
		b := appendHeader(nil, h)
		if len(b)%block != 0 {
			t.Fatalf("%d bytes", len(b))
		}
		got, err := tar.NewReader(io.MultiReader(bytes.NewReader(b))).Next()
		if err != nil {
			t.Fatal(err)
		}
		if got.Name != h.name || got.Linkname != h.link || got.Size != h.size || got.Mode != int64(h.mode) || got.Typeflag != h.kind || got.ModTime.Unix() != fixedTime {
			t.Fatalf("%+v, want %+v", got, h)
		}
		if len(h.records) > 0 && got.PAXRecords[h.records[0].key] != h.records[0].value {
			t.Fatalf("%q", got.PAXRecords)
		}
	})
}

func TestPlainNamesNeedNoExtendedHeader(t *testing.T) {
	for _, name := range []string{"a", strings.Repeat("n", 100), strings.Repeat("d", 150) + "/" + strings.Repeat("n", 99), "caf\xe9", "new\nline"} {
		if b := appendHeader(nil, header{name: name, kind: kindFile}); len(b) != block {
			t.Errorf("%q: %d bytes", name, len(b))
		}
	}
}

// Maps of sparse files cover what was found, in order, and are not longer than readers take.
func TestExtents(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var extents, found []extent
		at := int64(0)
		for range rapid.IntRange(0, 50).Draw(t, "n") {
			at += rapid.Int64Range(0, 4*smallestHole).Draw(t, "hole") &^ (block - 1)
			length := rapid.Int64Range(1, 4*smallestHole).Draw(t, "length")
			found = append(found, extent{at, length})
			extents = appendExtent(extents, at, at+length)
			at += (length + block - 1) &^ (block - 1)
		}
		for _, f := range found {
			covered := false
			for i, e := range extents {
				covered = covered || e.offset <= f.offset && f.offset+f.length <= e.offset+e.length
				if i > 0 && extents[i-1].offset+extents[i-1].length >= e.offset {
					t.Fatalf("%v", extents)
				}
			}
			if !covered {
				t.Fatalf("%v is not in %v", f, extents)
			}
		}
	})
	var many []extent
	for i := range int64(2 * mostExtents) {
		many = appendExtent(many, i<<20, i<<20+block)
	}
	_, numbers := sparseHeader(header{}, 1<<50, many)
	if len(many) != mostExtents || len(numbers) > 1<<20 {
		t.Errorf("%d extents, %d bytes", len(many), len(numbers))
	}
}
