// Package usage is what is on the volume of a registry, and how much room is left.
package usage

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/layout"
	"github.com/converged-computing/oras-operator/agent/internal/share"
)

// Mark is on a volume from its first start on: another one, or none, means that what was stored is not there.
type Mark struct {
	// Cache is the UID of the OrasCache that first had it.
	Cache string `json:"cache"`
	// Volume is drawn once for each volume.
	Volume string    `json:"volume"`
	Since  time.Time `json:"since"`
}

// Marked reads the mark of a volume, and makes it where there is none.
func Marked(data, cache string) (Mark, error) {
	path := filepath.Join(layout.Own(data), "id")
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Mark{}, err
	}
	var mark Mark
	if err == nil && json.Unmarshal(text, &mark) == nil && mark.Volume != "" {
		return mark, nil
	}
	mark = Mark{Cache: cache, Volume: rand.Text(), Since: time.Now().UTC().Truncate(time.Second)}
	text, err = json.Marshal(mark)
	if err != nil {
		return Mark{}, err
	}
	if err := os.MkdirAll(layout.Own(data), 0o700); err != nil {
		return Mark{}, err
	}
	// One that is not there the next time is none: then another one is drawn, and the artifacts look lost.
	if err := share.WriteWhole(path, text, 0o600); err != nil {
		return Mark{}, err
	}
	return mark, nil
}

// NotWritable says which folder this user cannot write to, and why, if there is one. A volume that was restored, or that
// its driver has made read-only after an error, may have a root that looks right.
func NotWritable(data string) string {
	tree := layout.Of(data)
	folders := []string{data, layout.Own(data), tree.Path("blobs/sha256"), tree.Path("repositories")}
	for _, below := range folders[2:] {
		entries, err := os.ReadDir(below)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err.Error()
		}
		for _, entry := range entries {
			folders = append(folders, filepath.Join(below, entry.Name()))
		}
	}
	for _, folder := range folders {
		if err := unix.Access(folder, unix.W_OK|unix.X_OK); err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Sprintf("user %d cannot write to %s: %s", os.Getuid(), folder, err)
		}
	}
	return ""
}

// Space is how much a volume takes, in bytes.
type Space struct {
	Capacity int64 `json:"capacity"`
	Used     int64 `json:"used"`
	Free     int64 `json:"free"`
}

// IsFull says whether it is used up to so many percent. What is free counts: under a limit the file system may be full
// before.
func (s Space) IsFull(percent int) bool {
	return float64(s.Free)*100 <= float64(s.Capacity)*float64(100-percent)
}

// lasts is how long the sum of all files counts: a thousand steps may start at once, and each asks.
const lasts = 10 * time.Second

// Volume knows its space.
type Volume struct {
	Data string
	// Limit is what the volume may hold; 0 where that is all of its file system.
	Limit int64

	mu       sync.Mutex
	used     int64
	measured time.Time
}

// Space is that of the file system, or of the limit.
func (v *Volume) Space() (Space, error) {
	var found unix.Statfs_t
	if err := unix.Statfs(v.Data, &found); err != nil {
		return Space{}, err
	}
	space := spaceOf(found)
	if v.Limit == 0 {
		return space, nil
	}
	used, err := v.sum()
	return Space{Capacity: v.Limit, Used: used, Free: max(0, min(v.Limit-used, space.Free))}, err
}

// most is what JSON can count to. Network file systems without a size of their own say more, 8 EiB those of EFS, or nothing.
const most = 1<<53 - 1

// spaceOf is as df(1) has it: what is kept for root is nobody's.
func spaceOf(found unix.Statfs_t) Space {
	if found.Blocks == 0 {
		return Space{Capacity: most, Free: most}
	}
	bytes := func(blocks uint64) int64 { return int64(min(float64(blocks)*float64(found.Bsize), most)) }
	space := Space{Used: bytes(found.Blocks - min(found.Bfree, found.Blocks)), Free: bytes(found.Bavail)}
	space.Capacity = min(space.Used+space.Free, most)
	return space
}

// sum is how much all files take. Who asks while it is found waits for it.
func (v *Volume) sum() (int64, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.measured.IsZero() && time.Since(v.measured) < lasts {
		return v.used, nil
	}
	used, err := layout.Usage(v.Data)
	if err == nil {
		v.used, v.measured = used, time.Now()
	}
	return used, err
}
