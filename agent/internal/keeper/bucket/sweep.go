package bucket

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/layout"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/sweep"
)

const (
	// Moment is longer than what lies between two requests to S3 that distribution makes for one of a client.
	Moment = 10 * time.Second
	// mostTaken is how many blobs are taken at a time: until they have been looked at again, a push that used one in that
	// moment cannot be pulled.
	mostTaken = 1000
)

// Pass frees what no manifest names, by the steps of the package sweep: what is taken is copied into a trash before it is
// deleted, and comes back if it was named or linked meanwhile.
type Pass struct {
	Client *Client
	Grace  time.Duration
	Moment time.Duration

	// before is told of every change, by tests.
	before func(change string)

	trash  *trash
	reader *reader
	began  time.Time
	out    sweep.Outcome
}

// Run does the pass. When it fails, or is ended, the next one puts right what it left.
func (p *Pass) Run(ctx context.Context) (sweep.Outcome, error) {
	start := time.Now()
	p.out = sweep.Outcome{Began: start.UTC()}
	err := p.run(ctx)
	p.out.Seconds = time.Since(start).Seconds()
	return p.out, err
}

func (p *Pass) run(ctx context.Context) error {
	var err error
	if p.trash, err = openTrash(ctx, p.Client); err != nil {
		return err
	}
	p.out.Pass = p.trash.pass
	if p.began, err = p.trash.begin(ctx); err != nil {
		return err
	}
	p.reader = &reader{client: p.Client, trashed: p.trash.blob, known: map[layout.Digest][]layout.Digest{}}
	seen, err := lookAt(ctx, p.Client, registryKeys)
	if err != nil {
		return err
	}
	needed, err := p.reader.needsOf(ctx, seen)
	if err != nil {
		return err
	}
	if err := p.putBack(ctx, needed); err != nil {
		return err
	}
	if err := p.empty(ctx); err != nil {
		return err
	}
	p.out.Broken = needed.broken
	candidates := p.candidates(seen, needed)
	for len(candidates) > 0 {
		some := candidates[:min(len(candidates), mostTaken)]
		candidates = candidates[len(some):]
		if err := p.take(ctx, seen.blobs, some); err != nil {
			return err
		}
	}
	return nil
}

// candidates are the blobs that nothing names and that have been there, and linked, for longer than the grace.
func (p *Pass) candidates(seen *look, needed needs) []layout.Digest {
	young := p.young(seen)
	var found []layout.Digest
	for d, blob := range seen.blobs {
		if p.old(blob.Modified) && !needed.named[d] && !young[d] {
			found = append(found, d)
		}
	}
	return found
}

// young are the blobs that a repository has had for less than the grace.
func (p *Pass) young(seen *look) map[layout.Digest]bool {
	young := map[layout.Digest]bool{}
	for _, layer := range seen.layers {
		if !p.old(layer.modified) {
			young[layer.digest] = true
		}
	}
	return young
}

// old: both times are those of the clock of S3.
func (p *Pass) old(modified time.Time) bool { return !modified.After(p.began.Add(-p.Grace)) }

// take takes some blobs. What was taken until it failed may be needed by now, and the next pass may be a day away.
func (p *Pass) take(ctx context.Context, blobs map[layout.Digest]Object, some []layout.Digest) error {
	err := p.takeSome(ctx, blobs, some)
	if err == nil || ctx.Err() != nil {
		return err
	}
	if _, again := p.afterAMoment(ctx); again != nil && again.Error() != err.Error() {
		err = errors.Join(err, again)
	}
	return err
}

// takeSome: between its steps, what is under way gets a moment.
func (p *Pass) takeSome(ctx context.Context, blobs map[layout.Digest]Object, some []layout.Digest) error {
	// What was pushed since the first look stays linked: nobody has to wait for it.
	seen, needed, err := p.lookAgain(ctx)
	if err != nil {
		return err
	}
	young := p.young(seen)
	goes := map[layout.Digest]bool{}
	for _, d := range some {
		goes[d] = !needed.named[d] && !young[d]
	}
	var links []Object
	for _, layer := range seen.layers {
		if goes[layer.digest] {
			links = append(links, Object{Key: layer.layerKey()})
		}
	}
	unlinked, _, err := p.discard(ctx, links)
	p.out.Unlinked += unlinked
	if err != nil {
		return err
	}
	if needed, err = p.afterAMoment(ctx); err != nil {
		return err
	}
	var objects []Object
	for _, d := range some {
		if goes[d] && !needed.has(d) {
			objects = append(objects, Object{Key: blobKey(d), Size: blobs[d].Size})
		}
	}
	swept, bytes, err := p.discard(ctx, objects)
	p.out.Swept += swept
	p.out.SweptBytes += bytes
	if err != nil {
		return err
	}
	_, err = p.afterAMoment(ctx)
	return err
}

func (p *Pass) lookAgain(ctx context.Context) (*look, needs, error) {
	seen, err := lookAt(ctx, p.Client, repositoryKeys)
	if err != nil {
		return nil, needs{}, err
	}
	needed, err := p.reader.needsOf(ctx, seen)
	return seen, needed, err
}

// afterAMoment waits, and puts back what is needed by then.
func (p *Pass) afterAMoment(ctx context.Context) (needs, error) {
	p.change("wait")
	select {
	case <-ctx.Done():
		return needs{}, ctx.Err()
	case <-time.After(p.Moment):
	}
	_, needed, err := p.lookAgain(ctx)
	if err != nil {
		return needs{}, err
	}
	return needed, p.putBack(ctx, needed)
}

// discard moves objects into the trash; it returns how many were there, and what they take.
func (p *Pass) discard(ctx context.Context, objects []Object) (count int, bytes int64, err error) {
	moved := make([]bool, len(objects))
	err = inParallel(ctx, len(objects), func(ctx context.Context, i int) error {
		p.change("discard " + objects[i].Key)
		err := p.Client.Copy(ctx, objects[i], p.trash.key(objects[i].Key))
		if err != nil {
			return ignoreGone(err)
		}
		// Before it is deleted: S3 may have done so, and not said it.
		moved[i] = true
		p.trash.add(p.trash.pass, objects[i].Key, objects[i].Size)
		return p.Client.Delete(ctx, objects[i].Key)
	})
	for i, object := range objects {
		if moved[i] {
			count, bytes = count+1, bytes+object.Size
		}
	}
	return count, bytes, err
}

// putBack puts back the data of what is named or linked, and the links of what is named. Data first: who finds a link looks
// for the data.
func (p *Pass) putBack(ctx context.Context, needed needs) error {
	var blobs, links []taken
	for _, one := range p.trash.all() {
		switch {
		case one.isBlob && needed.has(one.digest):
			blobs = append(blobs, one)
		case !one.isBlob && needed.named[one.digest]:
			links = append(links, one)
		}
	}
	return errors.Join(p.restore(ctx, blobs), p.restore(ctx, links))
}

func (p *Pass) restore(ctx context.Context, list []taken) error {
	return inParallel(ctx, len(list), func(ctx context.Context, i int) error {
		one := list[i]
		p.change("restore " + one.key)
		// Where somebody has brought it again, it has the same content.
		from := Object{Key: one.in(), Size: one.size}
		moved, err := p.Client.Move(ctx, from, one.key)
		if err != nil {
			return fmt.Errorf("%s cannot be put back: %w", one.key, err)
		}
		p.trash.restored(one, moved, &p.out)
		return nil
	})
}

// empty removes what passes before the last have taken.
func (p *Pass) empty(ctx context.Context) error {
	for number, began := range p.trash.begun {
		if number > p.trash.pass-2 || !p.old(began) {
			continue
		}
		keys, bytes := p.trash.forget(number)
		p.change("empty")
		if err := p.Client.Delete(ctx, keys...); err != nil {
			return err
		}
		// Last: by it a pass that was ended knows what is left.
		if err := p.Client.Delete(ctx, beganKey(number)); err != nil {
			return err
		}
		p.out.Freed += bytes
	}
	return nil
}

func (p *Pass) change(what string) {
	if p.before != nil {
		p.before(what)
	}
}

func inParallel(ctx context.Context, count int, do func(ctx context.Context, i int) error) error {
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(atOnce)
	for i := range count {
		work.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return do(ctx, i)
		})
	}
	return work.Wait()
}
