package sweep

import (
	"io"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/layout"
)

// names finds what a manifest names: every run of 64 hexadecimal digits in its text. So it needs to understand no kind of
// manifest, and what it takes for a name by mistake is only kept. JSON may write any letter as \u and four digits.
type names struct {
	found func(layout.Digest)

	run    [64]byte
	length int
	// escaped counts what came of an escape, from its backslash; code is the letter it stands for.
	escaped int
	code    int
}

// NamesIn finds what a manifest names.
func NamesIn(manifest io.Reader, buffer []byte, found func(layout.Digest)) error {
	n := &names{found: found}
	for {
		count, err := manifest.Read(buffer)
		for _, c := range buffer[:count] {
			n.read(c)
		}
		if err == io.EOF {
			n.take(0)
			return nil
		}
		if err != nil {
			return err
		}
	}
}

const lastOfEscape = 5

func (n *names) read(c byte) {
	switch {
	case n.escaped == 0 && c == '\\':
		n.escaped = 1
	case n.escaped == 0:
		n.take(c)
	case n.escaped == 1 && c == 'u':
		n.escaped, n.code = 2, 0
	case n.escaped == 1:
		n.escaped = 0
		n.take(0) // such as \b, which is no digit
	default:
		n.code = n.code<<4 | digitOf(c)
		if n.escaped++; n.escaped > lastOfEscape {
			n.escaped = 0
			n.take(byte(min(n.code, 0xff)))
		}
	}
}

// take takes the next character of the text.
func (n *names) take(c byte) {
	if '0' <= c && c <= '9' || 'a' <= c && c <= 'f' {
		if n.length < len(n.run) {
			n.run[n.length] = c
		}
		n.length++
		return
	}
	if n.length == len(n.run) {
		d, _ := layout.ParseDigest(string(n.run[:]))
		n.found(d)
	}
	n.length = 0
}

func digitOf(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return 0xffff // no escape, and so no letter
}
