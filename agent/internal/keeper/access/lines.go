package access

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/bcrypt"
)

// cost of the hashes: the registry computes one for each request, and the passwords cannot be guessed.
const cost = bcrypt.MinCost

// dearCost is from where a registry answers fewer than a hundred requests a second.
const dearCost = 7

// Problem is a line of a users file that is left out, or that is taken but should be another.
type Problem struct {
	Line    int    `json:"line"`
	Problem string `json:"problem"`
	// LeftOut: it is no user of the registry.
	LeftOut bool `json:"leftOut,omitempty"`
}

// line is one user of the file.
type line struct{ user, hash string }

// IsOperators says whether a user is of the operator: its own have the generation in their name.
func IsOperators(user string) bool { return operators.MatchString(user) }

var operators = regexp.MustCompile(`^oras-[1-9][0-9]{0,8}$`)

const longestUser = 255

// Problems are the first few that a users file has: a Secret has room for half a million lines.
type Problems struct {
	First []Problem
	// More is how many others there are.
	More int
}

const mostProblems = 20

func (p *Problems) add(found Problem) {
	if len(p.First) < mostProblems {
		p.First = append(p.First, found)
		return
	}
	p.More++
	// That somebody is left out is to be known in any case.
	if found.LeftOut && !slices.ContainsFunc(p.First, func(one Problem) bool { return one.LeftOut }) {
		p.First[mostProblems-1] = found
	}
}

// check reads the lines that a person wrote. One that the registry cannot read would let it answer 400 to everybody; of
// two of one user it takes the last.
func check(text string) (lines []line, problems Problems) {
	at, where := 0, map[string]int{}
	for raw := range strings.Lines(text) {
		at++
		found := strings.TrimSpace(raw)
		if found == "" || found[0] == '#' {
			continue
		}
		tell := func(isLeftOut bool, format string, args ...any) {
			problems.add(Problem{Line: at, Problem: fmt.Sprintf(format, args...), LeftOut: isLeftOut})
		}
		user, hash, has := strings.Cut(found, ":")
		if problem := problemOf(user, hash, has); problem != "" {
			tell(true, "left out: %s", problem)
			continue
		}
		if dear, _ := bcrypt.Cost([]byte(hash)); dear >= dearCost {
			tell(false, "the hash of %s has cost %d: each of its requests takes the registry long; make it with `htpasswd -nB -C 5`", named(user), dear)
		}
		if before, is := where[user]; is {
			tell(false, "%s is there twice; this line counts", named(user))
			lines[before] = line{}
		}
		where[user] = len(lines)
		lines = append(lines, line{user, hash})
	}
	return slices.DeleteFunc(lines, func(l line) bool { return l.user == "" }), problems
}

// problemOf says why a line cannot be taken. It names no hash, and no user that may be something else.
func problemOf(user, hash string, has bool) string {
	switch {
	case !has:
		return "it has no colon; a line is `user:hash`, as `htpasswd -nB user` prints it"
	case user == "" || len(user) > longestUser || !utf8.ValidString(user) || strings.ContainsFunc(user, func(r rune) bool { return !unicode.IsPrint(r) }):
		return fmt.Sprintf("its user is no printable text of 1 to %d bytes", longestUser)
	case IsOperators(user):
		return "users oras-1, oras-2, … are the operator's"
	case !isHash(hash):
		return fmt.Sprintf("what stands for %s is no bcrypt hash; `htpasswd -nB` makes one", named(user))
	}
	return ""
}

var plainUser = regexp.MustCompile(`^[\w.@-]{1,64}$`)

// named is a user in a message. What is no plain name may be a hash or a password in the wrong place.
func named(user string) string {
	if plainUser.MatchString(user) {
		return user
	}
	return "its user"
}

var hashPattern = regexp.MustCompile(`^\$2[aby]\$[0-9]{2}\$[./A-Za-z0-9]{53}$`)

func isHash(text string) bool {
	_, err := bcrypt.Cost([]byte(text))
	return err == nil && hashPattern.MatchString(text)
}
