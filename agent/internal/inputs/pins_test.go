package inputs

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/converged-computing/oras-operator/agent/internal/reference"
)

const (
	one   = "sha256:1111111111111111111111111111111111111111111111111111111111111111"
	other = "sha256:2222222222222222222222222222222222222222222222222222222222222222"
)

func references() []reference.Reference {
	return []reference.Reference{
		{Host: "cache:5000", PlainHTTP: true, Repository: "runs/a", Tag: "1"},
		{Host: "ghcr.io", Repository: "acme/b", Tag: "2", Digest: one},
	}
}

func TestPins(t *testing.T) {
	for text, want := range map[string]struct {
		digests []string
		awaited []bool
	}{
		"":                {[]string{"", one}, []bool{true, true}},
		"wait,wait":       {[]string{"", one}, []bool{true, true}},
		"tag,tag":         {[]string{"", one}, []bool{false, false}},
		other + ",wait":   {[]string{other, one}, []bool{false, true}},
		"tag," + one:      {[]string{"", one}, []bool{false, false}},
		other + "," + one: {[]string{other, one}, []bool{false, false}},
	} {
		pinned, awaited, err := Pin(references(), text)
		if err != nil || !slices.Equal(awaited, want.awaited) || pinned[0].Digest != want.digests[0] || pinned[1].Digest != want.digests[1] {
			t.Errorf("%q: %v, %v, %v", text, pinned, awaited, err)
		}
	}
}

func TestWrongPinsNameEverythingThatIsWrong(t *testing.T) {
	for text, says := range map[string][]string{
		"tag":                                   {"found 1 words", "the step has 2 inputs"},
		"tag,tag,wait":                          {"found 3 words", "the step has 2 inputs"},
		"tag,tag," + one:                        {"found 3 words"},
		"tag," + other:                          {"word 2: found " + other, "names the digest " + one + " itself"},
		"Tag, wait":                             {`word 1: found "Tag"`, `word 2: found " wait"`, "allowed is sha256:"},
		",":                                     {`word 1: found ""`, `word 2: found ""`},
		" ":                                     {"found 1 words", `word 1: found " "`},
		"tag,runs/c@" + one:                     {`word 2: found "runs/c@sha256:`},
		"sha256:1,sha512:" + one[7:]:            {`word 1: found "sha256:1"`, `word 2: found "sha512:`},
		strings.ToUpper(one) + ",tag":           {"word 1: found"},
		strings.Repeat("x", 100_000) + ",\ntag": {"word 1: found", "word 2: found"},
	} {
		_, _, err := Pin(references(), text)
		if err == nil {
			t.Errorf("%q is taken", text)
			continue
		}
		for _, part := range says {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%.80q: says %q, and not %q", text, err, part)
			}
		}
		if strings.ContainsAny(err.Error(), "\n\x1b") || len(err.Error()) > 1000 {
			t.Errorf("%.80q: %d bytes, %q", text, len(err.Error()), err)
		}
	}
}

// Whatever stands in the annotation, an input is pulled from the repository that its author named.
func TestNoPinNamesARepository(t *testing.T) {
	word := rapid.OneOf(
		rapid.SampledFrom([]string{"tag", "wait", "", one, other, "evil.example/x@" + one, "../x:1", "@" + one}),
		rapid.StringN(0, 80, -1),
	)
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(word, 0, 4).Draw(t, "words"), ",")
		before := references()
		pinned, awaited, err := Pin(before, text)
		if err != nil {
			return
		}
		if len(pinned) != len(before) || len(awaited) != len(before) {
			t.Fatal(pinned, awaited)
		}
		for i, found := range pinned {
			if before[i].Digest != "" && found.Digest != before[i].Digest || found.Digest != "" && !reference.IsDigest(found.Digest) {
				t.Error(found)
			}
			if found.Digest = before[i].Digest; found != before[i] {
				t.Errorf("%v, and its author wrote %v", found, before[i])
			}
		}
		if !slices.Equal(before, references()) {
			t.Error("what was given is changed")
		}
	})
}
