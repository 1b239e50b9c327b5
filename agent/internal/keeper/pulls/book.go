package pulls

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/layout"
)

// book is what a record says. Its file has one line for each pull, the minute since 1970, digest and repository, after a first
// line with the minute since which every pull is known:
//
//	since 29912345
//	29912400 c63f…5e97 runs/a
type book struct {
	since time.Time
	last  map[string]map[layout.Digest]uint32
	count int
}

func newBook(since time.Time) book {
	return book{since: timeOf(minuteOf(since)), last: map[string]map[layout.Digest]uint32{}}
}

// minuteOf rounds up.
func minuteOf(at time.Time) uint32 { return uint32(at.Add(time.Minute-1).Unix() / 60) }

func timeOf(minute uint32) time.Time { return time.Unix(int64(minute)*60, 0).UTC() }

// note says whether that is new.
func (b *book) note(repository string, d layout.Digest, minute uint32) bool {
	of := b.last[repository]
	if of == nil {
		of = map[layout.Digest]uint32{}
		b.last[repository] = of
	}
	before, is := of[d]
	if is && before >= minute {
		return false
	}
	if !is {
		b.count++
	}
	of[d] = minute
	return true
}

// keep leaves out what is not there any more.
func (b *book) keep(is func(repository string, d layout.Digest) bool) {
	b.count = 0
	for repository, of := range b.last {
		maps.DeleteFunc(of, func(d layout.Digest, _ uint32) bool { return !is(repository, d) })
		b.count += len(of)
		if len(of) == 0 {
			delete(b.last, repository)
		}
	}
}

// shrink leaves so many when there are more than the record may have, those that were pulled last. Of the time of the others not
// every pull is known from then on.
func (b *book) shrink(to int) {
	if b.count <= most {
		return
	}
	minutes := make([]uint32, 0, b.count)
	for _, of := range b.last {
		minutes = slices.AppendSeq(minutes, maps.Values(of))
	}
	slices.SortFunc(minutes, func(x, y uint32) int { return cmp.Compare(y, x) })
	limit := minutes[to]
	b.count = 0
	for repository, of := range b.last {
		maps.DeleteFunc(of, func(_ layout.Digest, minute uint32) bool { return minute <= limit })
		b.count += len(of)
		if len(of) == 0 {
			delete(b.last, repository)
		}
	}
	if dropped := timeOf(limit); dropped.After(b.since) {
		b.since = dropped
	}
}

func line(repository string, d layout.Digest, minute uint32) string {
	return fmt.Sprintf("%d %s %s\n", minute, d, repository)
}

// write writes the file beside its path and renames it, so that it is whole or as it was.
func (b *book) write(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	beside := filepath.Join(filepath.Dir(path), "."+filepath.Base(path))
	file, err := os.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	to := bufio.NewWriter(file)
	_, _ = fmt.Fprintf(to, "since %d\n", minuteOf(b.since))
	for repository, of := range b.last {
		for d, minute := range of {
			_, _ = to.WriteString(line(repository, d, minute))
		}
	}
	// A writer of bufio tells of its first error at the end.
	if err := errors.Join(to.Flush(), file.Close()); err != nil {
		_ = os.Remove(beside)
		return err
	}
	return os.Rename(beside, path)
}

// readBook reads a file. One that says nothing has no since. A line that is not whole is the last of a keeper that was killed: of
// that pull the registry was not told that it is known, so it tells it again.
func readBook(path string) (book, error) {
	file, err := os.Open(path)
	if err != nil {
		return book{}, err
	}
	defer file.Close()
	b := book{last: map[string]map[layout.Digest]uint32{}}
	lines := bufio.NewReader(file)
	for {
		text, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return b, nil
		}
		if err != nil {
			return book{}, err
		}
		b.read(strings.Fields(text))
	}
}

// read takes over a line; one that is not understood says nothing.
func (b *book) read(fields []string) {
	if len(fields) < 2 || len(fields) > 3 {
		return
	}
	if fields[0] == "since" {
		if minute, err := strconv.ParseUint(fields[1], 10, 32); err == nil {
			b.since = timeOf(uint32(minute))
		}
		return
	}
	minute, err := strconv.ParseUint(fields[0], 10, 32)
	if d, is := layout.ParseDigest(fields[1]); err == nil && is && len(fields) == 3 {
		b.note(fields[2], d, uint32(minute))
	}
}
