package bucket

import (
	"context"
	"fmt"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/layout"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/sweep"
)

const (
	// ownKeys is the keeper's folder.
	ownKeys   = ".oras-operator/"
	trashKeys = ownKeys + "trash/"
)

// trash is what passes took: <key> is at .oras-operator/trash/<pass>/<key> meanwhile.
type trash struct {
	client *Client
	// pass is the number of the pass, begun when those began whose trash is there.
	pass  int
	begun map[int]time.Time

	mu    sync.Mutex
	taken map[string]taken
	// blobs is where each blob is, of several times the last.
	blobs map[layout.Digest]string
}

// taken is an object that a pass took.
type taken struct {
	pass   int
	key    string
	size   int64
	digest layout.Digest
	isBlob bool
}

func (t taken) in() string { return fmt.Sprintf("%s%d/%s", trashKeys, t.pass, t.key) }

func beganKey(pass int) string { return fmt.Sprintf("%s%d/began", trashKeys, pass) }

// openTrash finds what earlier passes took.
func openTrash(ctx context.Context, c *Client) (*trash, error) {
	t := &trash{client: c, begun: map[int]time.Time{}, taken: map[string]taken{}, blobs: map[layout.Digest]string{}}
	err := c.List(ctx, trashKeys, func(object Object) error {
		text, key, _ := strings.Cut(strings.TrimPrefix(object.Key, trashKeys), "/")
		number, err := strconv.Atoi(text)
		if err != nil {
			return nil //nolint:nilerr // it is none of ours
		}
		t.pass = max(t.pass, number)
		if key == "began" {
			t.begun[number] = object.Modified
		} else {
			t.add(number, key, object.Size)
		}
		return nil
	})
	t.pass++
	return t, err
}

// begin counts this pass, and returns when it began by the clock of S3, which also says when objects were written.
func (t *trash) begin(ctx context.Context) (time.Time, error) {
	key := beganKey(t.pass)
	if err := t.client.Put(ctx, key, nil); err != nil {
		return time.Time{}, err
	}
	var began time.Time
	err := t.client.List(ctx, key, func(object Object) error {
		began = object.Modified
		return nil
	})
	if err == nil && began.IsZero() {
		err = fmt.Errorf("S3 does not list %s, which was just written: it cannot be seen what others write", key)
	}
	return began, err
}

// key is where something goes.
func (t *trash) key(key string) string { return taken{pass: t.pass, key: key}.in() }

// add notes what was taken.
func (t *trash) add(pass int, key string, size int64) {
	digits := path.Base(path.Dir(key))
	d, is := layout.ParseDigest(digits)
	if !is {
		return
	}
	one := taken{pass, key, size, d, strings.HasPrefix(key, blobKeys)}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.taken[one.in()] = one
	if one.isBlob {
		t.blobs[d] = one.in()
	}
}

func (t *trash) all() []taken {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]taken, 0, len(t.taken))
	for _, one := range t.taken {
		list = append(list, one)
	}
	return list
}

// blob is where a blob is that was taken.
func (t *trash) blob(d layout.Digest) (string, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	key, is := t.blobs[d]
	return key, is
}

// restored notes that something is back.
func (t *trash) restored(one taken, moved bool, out *sweep.Outcome) {
	t.drop(one)
	t.mu.Lock()
	defer t.mu.Unlock()
	if !moved {
		return
	}
	out.PutBack++
	if one.isBlob && one.pass == t.pass {
		out.Swept--
		out.SweptBytes -= one.size
	}
}

// forget tells what a pass took, and what of it takes space: it is about to be deleted.
func (t *trash) forget(pass int) (keys []string, bytes int64) {
	for _, one := range t.all() {
		if one.pass == pass {
			keys, bytes = append(keys, one.in()), bytes+one.size
			t.drop(one)
		}
	}
	return keys, bytes
}

func (t *trash) drop(one taken) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.taken, one.in())
	if t.blobs[one.digest] == one.in() {
		delete(t.blobs, one.digest)
	}
}
