package mirror

import "strings"

// Matches says whether a repository is one of a glob: `*` stands for any characters within a part of its name, `**` for one
// part or more. It is what src/retention/wildcards.ts says.
func Matches(glob, repository string) bool {
	var pattern []string
	for _, part := range strings.Split(glob, "/") {
		// One part or more is a part and any others.
		if part == "**" {
			pattern = append(pattern, "*")
		}
		pattern = append(pattern, part)
	}
	return matches(pattern, strings.Split(repository, "/"), "**", matchesText)
}

func matchesText(pattern, text string) bool {
	return matches(strings.Split(pattern, ""), strings.Split(text, ""), "*", func(a, b string) bool { return a == b })
}

// matches never comes back to a star before the last one: what lies between two stars fits best where it fits first.
func matches(pattern, text []string, star string, fits func(part, of string) bool) bool {
	next, last, taken := 0, -1, 0
	for at := 0; at < len(text); {
		switch {
		case next < len(pattern) && pattern[next] == star:
			last, taken = next, at
			next++
		case next < len(pattern) && fits(pattern[next], text[at]):
			next++
			at++
		case last < 0:
			return false
		default:
			taken++
			next, at = last+1, taken
		}
	}
	for next < len(pattern) && pattern[next] == star {
		next++
	}
	return next == len(pattern)
}
