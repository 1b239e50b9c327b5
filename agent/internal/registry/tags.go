package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/converged-computing/oras-operator/agent/internal/nearest"
)

const (
	// maxTags of a repository that are looked at, and shown.
	maxTags   = 1000
	shownTags = 5
	// maxTagList in bytes: a page of a thousand of the longest.
	maxTagList = 256 << 10
)

// Tags returns the first tags of the repository, at most a thousand, in the registry's order, and whether there are more.
// One try.
func (r *Repository) Tags(ctx context.Context) (tags []string, more bool, err error) {
	var list struct{ Tags []string }
	err = within(ctx, min(replacedWithin, r.o.Timeout), func(ctx context.Context) error {
		resp, err := r.do(ctx, request{method: http.MethodGet, url: r.at(fmt.Sprintf("/tags/list?n=%d", maxTags))})
		if err != nil {
			return err
		}
		defer func() { _ = resp.Body.Close() }()
		more = resp.Header.Get("Link") != ""
		body, err := readBounded(resp, maxTagList)
		if err != nil {
			return r.bodyError(ctx, err)
		}
		if json.Unmarshal(body, &list) != nil {
			return invalid("the registry's list of tags cannot be read")
		}
		return nil
	})
	return list.Tags[:min(len(list.Tags), maxTags)], more || len(list.Tags) > maxTags, err
}

// explainNotFound says what is there instead.
func (r *Repository) explainNotFound(ctx context.Context, e *Error) {
	said := e.Reason
	e.Hint = "check the name and whether the step that makes it has ended"
	if r.ref.Digest != "" {
		e.Reason = "there is no artifact of this digest in the registry (" + said + ")"
		if now := r.DigestOfTag(ctx); now != "" {
			e.Hint = "the tag " + r.ref.Tag + " stands for " + now + " now"
		}
		return
	}
	tags, more, err := r.Tags(ctx)
	switch {
	case e.Code == "NAME_UNKNOWN", As(err) != nil && As(err).Code == "NAME_UNKNOWN":
		e.Reason = fmt.Sprintf("the registry has no repository %s (%s)", r.ref.Repository, said)
	case err != nil:
		e.Reason = "it is not in the registry (" + said + ")"
	case len(tags) == 0:
		e.Reason = fmt.Sprintf("the repository %s has no tags (%s)", r.ref.Repository, said)
	default:
		e.Reason = fmt.Sprintf("it is not in the registry (%s); %s", said, describeTags(r.ref.Tag, tags, more))
	}
}

// describeTags lists a few, and the one that may be meant.
func describeTags(wanted string, tags []string, open bool) string {
	sorted := slices.Clone(tags)
	// The nearest stand first; of equally near ones the last in order, which often is the newest.
	distance := map[string]int{}
	for _, tag := range sorted {
		distance[tag] = nearest.Distance(wanted, cut(tag, 128))
	}
	slices.SortStableFunc(sorted, func(a, b string) int {
		if distance[a] != distance[b] {
			return distance[a] - distance[b]
		}
		return strings.Compare(b, a)
	})
	shown := []string{}
	for _, tag := range sorted[:min(len(sorted), shownTags)] {
		shown = append(shown, Clean(tag, 60))
	}
	text := "there are the tags " + strings.Join(shown, ", ")
	if len(sorted) == 1 {
		text = "there is the tag " + shown[0]
	} else if more := len(sorted) - len(shown); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
		if open {
			text += " at least"
		}
	}
	if first := sorted[0]; nearest.IsNear(wanted, distance[first]) {
		text += fmt.Sprintf("; is %s meant?", Clean(first, 60))
	}
	return text
}
