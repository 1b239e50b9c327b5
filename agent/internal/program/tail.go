package program

import (
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// Tail keeps the end of what is written to it. Several may write at once.
type Tail struct {
	mutex sync.Mutex
	most  int
	kept  []byte
}

// NewTail keeps so many bytes.
func NewTail(most int) *Tail { return &Tail{most: most} }

// Write never fails.
func (t *Tail) Write(data []byte) (int, error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.kept = append(t.kept, data[max(len(data)-t.most, 0):]...)
	// Moved now and then, not at each write.
	if len(t.kept) > 2*t.most {
		t.kept = append(t.kept[:0], t.kept[len(t.kept)-t.most:]...)
	}
	return len(data), nil
}

// Bytes returns the end.
func (t *Tail) Bytes() []byte {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return append([]byte(nil), t.kept[max(len(t.kept)-t.most, 0):]...)
}

// IsTerminal says whether a file is one: a program would notice a pipe in its place.
func IsTerminal(file *os.File) bool {
	_, err := unix.IoctlGetTermios(int(file.Fd()), unix.TCGETS)
	return err == nil
}
