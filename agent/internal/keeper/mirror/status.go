package mirror

import (
	"cmp"
	"time"
)

// Status is what a mirror tells.
type Status struct {
	To string `json:"to"`
	// Listed says whether all tags have been compared once.
	Listed  bool `json:"listed"`
	Pending int  `json:"pending"`
	// Total is how many tags there were when they were listed last, Done how many of them the remote registry has.
	Total int `json:"total"`
	Done  int `json:"done"`
	// Whole says that Once is reached: the remote registry has all that was found when the tags were listed last.
	Whole bool `json:"whole"`
	// Oldest is since when the first of them waits.
	Oldest *time.Time `json:"oldest,omitempty"`
	Last   *time.Time `json:"last,omitempty"`
	Copied int        `json:"copied"`
	// Trouble says why nothing is copied by now, Refused what the remote registry does not take.
	Trouble string    `json:"trouble,omitempty"`
	Refused int       `json:"refused"`
	Samples []Refusal `json:"samples"`
	// Failures counts copies that failed.
	Failures int `json:"failures"`
}

// Refusal is a tag that the remote registry does not take.
type Refusal struct {
	Artifact string `json:"artifact"`
	Error    string `json:"error"`
}

// samples are as many refusals as a message bears.
const samples = 3

// Status is how it stands.
func (m *Mirror) Status() Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := Status{To: m.Name, Listed: m.listed, Pending: len(m.pending), Copied: m.copied, Failures: m.failures, Trouble: cmp.Or(m.trouble, m.unlisted), Total: m.total, Done: min(len(m.done), m.total), Whole: m.whole, Samples: []Refusal{}}
	if !m.last.IsZero() {
		last := m.last.UTC()
		s.Last = &last
	}
	for n, it := range m.pending {
		if s.Oldest == nil || it.since.Before(*s.Oldest) {
			since := it.since.UTC()
			s.Oldest = &since
		}
		if it.refused == "" {
			continue
		}
		s.Refused++
		if len(s.Samples) < samples {
			s.Samples = append(s.Samples, Refusal{Artifact: n.String(), Error: it.refused})
		}
	}
	return s
}
