package registry

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// address finds URLs, and paths that may have a query, in what others say. It goes on to the next space: a quote may stand
// in a URL (RFC 3986, section 2.2), and what follows it can still be a query or a password.
var address = regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://|/)\S*`)

// login finds users and passwords at the start of what follows "://". A "port" that is not a number is a password that
// should have been escaped: it may hold each of the characters that end a host.
var login = regexp.MustCompile(`^([^/?#]*@|[^/?#@\[]*:[0-9]*[^0-9/?#@][^/?#@]*[/?#].*@)`)

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

// cleanAddress takes the logins of all URLs in a word, one may hold another, and the query at its end. What closes a
// quotation or a sentence stays.
func cleanAddress(word string) string {
	text := strings.TrimRight(word, `"'<>()[]{},.;:`)
	closing := word[len(text):]
	parts := strings.Split(text, "://")
	for i := range parts[1:] {
		parts[i+1] = login.ReplaceAllLiteralString(parts[i+1], "")
	}
	text, _, _ = strings.Cut(strings.Join(parts, "://"), "?")
	return text + closing
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
