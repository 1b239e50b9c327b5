package registry

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// address finds URLs, and paths of URLs with a query, in what others say.
var address = regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://|/)[^\s"'<>]*`)

// Clean makes text of others fit for a message: one line, at most as many bytes, without characters that control a terminal
// or turn the direction of text, without queries of URLs (they hold signatures and tokens) and without users and
// passwords in them.
func Clean(text string, most int) string {
	const longest = 16 << 10 // More is cut anyway; the work stays bounded.
	if len(text) > longest {
		text = text[:longest]
	}
	text = strings.ToValidUTF8(text, "�")
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Cs):
			return -1
		}
		return r
	}, text)
	text = address.ReplaceAllStringFunc(text, cleanAddress)
	return cut(strings.Join(strings.Fields(text), " "), most)
}

func cleanAddress(text string) string {
	text, _, _ = strings.Cut(text, "?")
	scheme, rest, whole := strings.Cut(text, "://")
	if !whole {
		return text
	}
	host, path, hasPath := strings.Cut(rest, "/")
	host = host[strings.LastIndex(host, "@")+1:]
	if hasPath {
		host += "/"
	}
	return scheme + "://" + host + path
}

// cut shortens text to most bytes, between characters.
func cut(text string, most int) string {
	const sign = "…"
	if len(text) <= most {
		return text
	}
	end := most - len(sign)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:max(end, 0)] + sign
}
