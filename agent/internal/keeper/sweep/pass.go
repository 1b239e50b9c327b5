// Package sweep frees what no manifest names, while the registry takes and gives artifacts.
//
// distribution looks at a file and then writes another, with no lock that somebody beside it could take: an upload finds
// the data there and then links it; a manifest's blobs are found and then the manifest is linked. Who deletes in between
// breaks an artifact whose push succeeded. So a pass deletes nothing that was looked at lately:
//
//  1. Links to blobs that nothing names, and that are older than the grace, go to the trash. From now on a push finds
//     such a blob missing, and brings it.
//  2. A moment later, what is named by then, by manifests that were checked before, gets its links back. What was linked
//     by then stays. The data of the rest goes to the trash.
//  3. A moment later, what is named or linked by then, by pushes that saw the data before, gets it back.
//  4. The pass after the next empties the trash. Until then each pass gives back what is named or linked, so that a
//     moment that was too short, or the end of a pass in its midst, breaks nothing for good.
package sweep

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/layout"
)

// Moment is longer than what lies between two files that distribution writes for one request, and shorter than anybody
// waits who finds a blob missing in it.
const Moment = time.Second

// Pass is one sweep.
type Pass struct {
	// Data is the root directory of the registry.
	Data string
	// Grace is the age below which nothing is taken.
	Grace time.Duration
	// Moment is how long others get between two steps.
	Moment time.Duration
	// DryRun says to look alone.
	DryRun bool

	// before is told of every change, by tests.
	before func(change string)
	// began is when the pass began, unless a test says otherwise.
	began time.Time

	tree  layout.Tree
	trash trash
	full  bool
	out   Outcome
}

// Outcome is what a pass did. Bytes are those that the volume has for it.
type Outcome struct {
	// Pass counts passes, not those that only look.
	Pass    int       `json:"pass"`
	DryRun  bool      `json:"dryRun"`
	Began   time.Time `json:"began"`
	Seconds float64   `json:"seconds"`
	// Unlinked are links that went to the trash; Swept and SweptBytes are blobs that did and stayed there, or would.
	Unlinked   int   `json:"unlinked"`
	Swept      int   `json:"swept"`
	SweptBytes int64 `json:"sweptBytes"`
	// PutBack are links and blobs that came back from the trash.
	PutBack int `json:"putBack"`
	// Freed is what emptying the trash has freed.
	Freed int64 `json:"freed"`
	// Broken are manifests that a repository has and whose content is nowhere.
	Broken int `json:"broken"`
}

// Run does the pass. When it fails, or is ended, the next one puts right what it left.
func (p *Pass) Run(ctx context.Context) (Outcome, error) {
	start := time.Now()
	if p.began.IsZero() {
		p.began = start
	}
	p.tree = layout.Of(p.Data)
	p.out = Outcome{DryRun: p.DryRun, Began: p.began.UTC()}
	unlock, err := lock(p.Data)
	if err != nil {
		return p.out, err
	}
	defer unlock()
	err = p.run(ctx)
	if isFull(err) && !p.DryRun {
		// Nobody can push now, so nobody needs the trash for longer than the grace.
		p.full = true
		p.release()
		p.out = Outcome{Began: p.out.Began}
		err = p.run(ctx)
	}
	if !p.DryRun {
		Reserve(p.Data)
	}
	p.out.Seconds = time.Since(start).Seconds()
	return p.out, err
}

func (p *Pass) run(ctx context.Context) error {
	var err error
	if p.trash, err = openTrash(p.Data); err != nil {
		return err
	}
	p.out.Pass = p.trash.pass
	c, err := p.candidates()
	if err != nil {
		return err
	}
	if err := p.mark(ctx, c, !p.DryRun); err != nil {
		return err
	}
	if !p.DryRun {
		if err := p.putBack(c); err != nil {
			return err
		}
		if err := p.empty(); err != nil {
			return err
		}
		if err := p.trash.begin(); err != nil {
			return err
		}
	}
	c.onlyStored()
	c.spare(named | young)
	if p.DryRun {
		return p.take(ctx, c)
	}
	if err := p.unlink(ctx, c); err != nil {
		return err
	}
	if err := p.lookAgain(ctx, c); err != nil {
		return err
	}
	c.spare(named | linked)
	if err := p.take(ctx, c); err != nil {
		return err
	}
	return p.lookAgain(ctx, c)
}

// lookAgain waits a moment, and puts back what is needed by then.
func (p *Pass) lookAgain(ctx context.Context, c census) error {
	if len(c) == 0 {
		return ctx.Err()
	}
	p.change("wait")
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(p.Moment):
	}
	c.forget()
	if err := p.mark(ctx, c, false); err != nil {
		return err
	}
	return p.putBack(c)
}

// candidates are the blobs that are older than the grace, and those of which the data or a link is in the trash.
func (p *Pass) candidates() (census, error) {
	c := census{}
	err := p.tree.Blobs(func(d layout.Digest, name string) error {
		info, err := os.Lstat(p.tree.Path(name))
		if errors.Is(err, fs.ErrNotExist) {
			return p.tidy(name)
		}
		if err == nil && p.old(info) {
			c.add(d, stored)
		}
		return err
	})
	for _, generation := range p.trash.generations {
		if err == nil {
			err = generation.taken.Blobs(func(d layout.Digest, _ string) error {
				c.add(d, 0)
				return nil
			})
		}
		if err == nil {
			err = generation.taken.Repositories(func(repository string) error {
				return generation.taken.Layers(repository, func(link layout.Link) error {
					if d, is := layout.ParseDigest(link.Digits); is {
						c.add(d, 0)
					}
					return nil
				})
			})
		}
	}
	return c, err
}

// old says whether a file was there before the grace. Its content may be older than its name: an upload is renamed.
func (p *Pass) old(info fs.FileInfo) bool {
	latest := info.ModTime()
	if stat, is := info.Sys().(*syscall.Stat_t); is {
		if changed := time.Unix(int64(stat.Ctim.Sec), int64(stat.Ctim.Nsec)); changed.After(latest) {
			latest = changed
		}
	}
	return !latest.After(p.began.Add(-p.Grace))
}

// unlink takes the links to what may go. What a repository names since it was marked, it can be asked for: nobody has to
// wait for the next look. A blob stays in the census whatever is seen of it here: links that were taken before may have to
// come back.
func (p *Pass) unlink(ctx context.Context, c census) error {
	if len(c) == 0 {
		return nil
	}
	return p.tree.Repositories(func(repository string) error {
		if err := p.markYoung(repository, c); err != nil {
			return err
		}
		return p.tree.Layers(repository, func(link layout.Link) error {
			d, is := layout.ParseDigest(link.Digits)
			if !is || link.Algorithm != "sha256" || !c.has(d) || c.is(d, named|young) {
				return nil
			}
			info, err := os.Lstat(p.tree.Path(link.Name))
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil {
				return err
			}
			if !p.old(info) {
				// It was linked since the first look.
				c.see(d, young)
				return nil
			}
			taken, err := p.discard(ctx, link.Name)
			if taken {
				p.out.Unlinked++
			}
			return err
		})
	})
}

// take takes the data of what may go, or counts it.
func (p *Pass) take(ctx context.Context, c census) error {
	return p.tree.Blobs(func(d layout.Digest, name string) error {
		if !c.has(d) {
			return nil
		}
		info, err := os.Lstat(p.tree.Path(name))
		if errors.Is(err, fs.ErrNotExist) || err == nil && !p.old(info) {
			return nil
		}
		if err != nil {
			return err
		}
		if !p.DryRun {
			if taken, err := p.discard(ctx, name); !taken {
				return err
			}
		}
		p.out.Swept++
		p.out.SweptBytes += layout.Allocated(info)
		return nil
	})
}

// discard moves a file into the trash.
func (p *Pass) discard(ctx context.Context, name string) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	p.change("discard " + name)
	return move(p.tree.Path(name), p.trash.current().Path(name))
}

// putBack puts back the data of what is named or linked, and the links of what is named. Data first: who finds a link
// looks for the data.
func (p *Pass) putBack(c census) error {
	for _, generation := range p.trash.generations {
		err := generation.taken.Blobs(func(d layout.Digest, name string) error {
			if !c.is(d, named|linked) {
				return nil
			}
			size, err := p.restore(generation.taken, name)
			if size >= 0 && generation.number == p.trash.pass {
				p.out.Swept--
				p.out.SweptBytes -= size
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	for _, generation := range p.trash.generations {
		err := generation.taken.Repositories(func(repository string) error {
			return generation.taken.Layers(repository, func(link layout.Link) error {
				d, is := layout.ParseDigest(link.Digits)
				if !is || !c.is(d, named) {
					return nil
				}
				_, err := p.restore(generation.taken, link.Name)
				return err
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// restore moves a file back, unless there is another by now; it returns the size of what it moved, or -1.
func (p *Pass) restore(from layout.Taken, name string) (int64, error) {
	info, err := os.Lstat(from.Path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return -1, nil
	}
	if err != nil {
		return -1, err
	}
	if _, err := os.Lstat(p.tree.Path(name)); !errors.Is(err, fs.ErrNotExist) {
		return -1, err
	}
	p.change("restore " + name)
	moved, err := move(from.Path(name), p.tree.Path(name))
	if !moved {
		return -1, err
	}
	p.out.PutBack++
	return layout.Allocated(info), nil
}

// empty removes what passes before the last have taken.
func (p *Pass) empty() error {
	for _, generation := range p.trash.generations {
		path := string(generation.taken)
		info, err := os.Lstat(path)
		if err != nil {
			return err
		}
		if generation.number > p.trash.pass-2 && !p.full || !p.old(info) {
			continue
		}
		freed, err := layout.Usage(path)
		if err != nil {
			return err
		}
		p.change("empty " + path)
		if err := os.RemoveAll(path); err != nil {
			return err
		}
		p.out.Freed += freed
	}
	return nil
}

// tidy removes the folder of a file that has been gone for longer than the grace.
func (p *Pass) tidy(name string) error {
	folder := p.tree.Path(filepath.Dir(name))
	info, err := os.Lstat(folder)
	if p.DryRun || err != nil || !p.old(info) {
		return nil
	}
	p.change("tidy " + name)
	_ = os.Remove(folder) // There may be something else in it.
	return nil
}

func (p *Pass) change(what string) {
	if p.before != nil {
		p.before(what)
	}
}
