package bucket

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/converged-computing/oras-operator/agent/internal/contract"
)

// Owner is whose a folder is, as its mark says.
type Owner struct {
	// Installation is that of the operator, Cache the OrasCache as namespace/name.
	Installation, Cache string
}

// Folder is a folder of a bucket and whose it has to be: nothing is deleted in the one of another.
type Folder struct {
	*Client
	Owner Owner
}

var markKey = tag{repository: contract.StateRepository, name: contract.OwnerTag}.key()

// Check says why nothing may be deleted in the folder.
func (f Folder) Check(ctx context.Context) error {
	found, err := f.owner(ctx)
	if isGone(err) {
		return fmt.Errorf("the folder of the bucket has no mark yet that says whose it is; the operator writes it when the registry has started")
	}
	if err != nil {
		return err
	}
	if found != f.Owner {
		return fmt.Errorf("the folder of the bucket is that of OrasCache %q of installation %q, by its mark", found.Cache, found.Installation)
	}
	return nil
}

func (f Folder) owner(ctx context.Context) (Owner, error) {
	d, is, err := f.linkTo(ctx, markKey)
	if err != nil {
		return Owner{}, err
	}
	if !is {
		return Owner{}, fmt.Errorf("the mark of the folder cannot be read")
	}
	content, err := f.content(ctx, blobKey(d), d)
	if err != nil {
		return Owner{}, err
	}
	var manifest struct{ Annotations map[string]string }
	if err := json.Unmarshal(content, &manifest); err != nil {
		return Owner{}, fmt.Errorf("the mark of the folder cannot be read: %w", err)
	}
	return Owner{manifest.Annotations[contract.OwnerInstallationAnnotation], manifest.Annotations[contract.OwnerCacheAnnotation]}, nil
}

const planKey = ownKeys + "plan"

// PutPlan keeps what retention planned last.
func (f Folder) PutPlan(ctx context.Context, plan []byte) error { return f.Put(ctx, planKey, plan) }

// Plan is what retention planned last; fs.ErrNotExist where it has planned nothing.
func (f Folder) Plan(ctx context.Context) ([]byte, error) { return f.Get(ctx, planKey) }

// Empty deletes all objects of the folder, and returns how many there were. The mark is deleted last, its manifest before its
// tag: who is ended before goes on the next time, and who is ended after it finds nothing, or a tag that stands for nothing.
func (f Folder) Empty(ctx context.Context) (deleted int, err error) {
	if err := f.Check(ctx); err != nil {
		if is, failed := f.hasNothingBut(ctx, markKey); failed == nil && is {
			return 0, f.Delete(ctx, markKey)
		}
		return 0, err
	}
	d, _, err := f.linkTo(ctx, markKey)
	if err != nil {
		return 0, err
	}
	last := []string{blobKey(d), markKey}
	var some []string
	flush := func() error {
		if err := f.Delete(ctx, some...); err != nil {
			return err
		}
		deleted += len(some)
		some = some[:0]
		return nil
	}
	err = f.List(ctx, "", func(object Object) error {
		if slices.Contains(last, object.Key) {
			return nil
		}
		if some = append(some, object.Key); len(some) < mostDeleted {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	for _, key := range last {
		if err == nil {
			some = append(some, key)
			err = flush()
		}
	}
	return deleted, err
}

var errFound = errors.New("there is another object")

// hasNothingBut says whether no other object is in the folder.
func (f Folder) hasNothingBut(ctx context.Context, key string) (bool, error) {
	err := f.List(ctx, "", func(object Object) error {
		if object.Key == key {
			return nil
		}
		return errFound
	})
	if errors.Is(err, errFound) {
		return false, nil
	}
	return err == nil, err
}
