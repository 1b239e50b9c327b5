package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode"
	"unicode/utf8"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/names"
)

const (
	deepest = 32 // a manifest has 4 levels
	// mostObjects bounds the memory that a manifest takes when it is read: 4 MiB hold 28,000 layers with names, of two
	// objects each.
	mostObjects = 100_000
)

// known are the keys of manifests and descriptors.
var known = func() map[string]string {
	m := map[string]string{}
	for _, key := range []string{"schemaVersion", "mediaType", "artifactType", "config", "layers", "manifests", "blobs", "subject",
		"annotations", "digest", "size", "urls", "data", "platform", "architecture", "os"} {
		m[folded(key)] = key
	}
	return m
}()

// checkKeys refuses JSON that programs understand differently: two keys of an object that are equal, or equal but for
// case (Go takes the last of them, others the one that is spelled right), on every level; a key of a manifest spelled in
// another case; bytes that are not UTF-8; anything behind the value.
func checkKeys(raw []byte) error {
	if !utf8.Valid(raw) {
		return errors.New("it is not UTF-8")
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var levels []level
	objects := 0
	for first := true; ; first = false {
		token, err := decoder.Token()
		if err == io.EOF && len(levels) == 0 && !first {
			return nil
		}
		if err != nil {
			return errors.New("it is not JSON")
		}
		if len(levels) > 0 && levels[len(levels)-1].expectsKey() {
			if key, ok := token.(string); ok {
				if err := levels[len(levels)-1].key(key); err != nil {
					return err
				}
				continue
			}
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			if len(levels) == deepest {
				return fmt.Errorf("it is nested more than %d deep", deepest)
			}
			if objects++; objects > mostObjects {
				return fmt.Errorf("it has more than %d objects and lists", mostObjects)
			}
			l := level{object: token == json.Delim('{')}
			if l.object {
				l.seen = map[string]string{}
			}
			if len(levels) > 0 {
				l.free = levels[len(levels)-1].last == "annotations"
			}
			levels = append(levels, l)
			continue
		case json.Delim('}'), json.Delim(']'):
			levels = levels[:len(levels)-1]
		}
		if len(levels) > 0 {
			levels[len(levels)-1].value = false
		} else if decoder.More() {
			return errors.New("something follows it")
		}
	}
}

// level is an object or array that is open.
type level struct {
	object bool
	free   bool // its keys are the author's
	value  bool // a key was read, its value comes
	last   string
	seen   map[string]string // folded -> as spelled
}

func (l *level) expectsKey() bool { return l.object && !l.value }

func (l *level) key(key string) error {
	f := folded(key)
	if other, ok := l.seen[f]; ok {
		return fmt.Errorf("it has the keys %q and %q in one object, which programs understand differently", names.Printable(other), names.Printable(key))
	}
	if right, ok := known[f]; ok && right != key && !l.free {
		return fmt.Errorf("it has the key %q where programs expect %q", names.Printable(key), right)
	}
	l.seen[f], l.last, l.value = key, key, true
	return nil
}

// folded maps all spellings of a key that differ in case to one, as encoding/json does: with the letters that Unicode
// folds, such as the long s.
func folded(key string) string {
	runes := []rune(key)
	for i, r := range runes {
		least := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
		runes[i] = least
	}
	return string(runes)
}
