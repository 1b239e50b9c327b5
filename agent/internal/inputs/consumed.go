package inputs

import (
	"os"

	"golang.org/x/sys/unix"
)

// consumePiece is how much is given back at once, in bytes.
const consumePiece = 4 << 20

// consumed is a blob that is read once. What was read is given back to the volume, so that an input does not take twice
// its size, and to the memory: what the kernel has not written to the disk by then it never has to write. Where the file
// system cannot do that, and where the file has another name, because another container unpacks it too, it stays whole.
type consumed struct {
	file     *os.File
	read     int64
	consumed int64
	stays    bool
}

// Read reads on.
func (c *consumed) Read(into []byte) (int, error) {
	n, err := c.file.Read(into)
	c.read += int64(n)
	if c.read-c.consumed >= consumePiece && !c.stays {
		c.stays = !c.consume()
	}
	return n, err
}

// consume gives back what was read.
func (c *consumed) consume() bool {
	fd := int(c.file.Fd())
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil || st.Nlink > 1 {
		return false
	}
	const how = unix.FALLOC_FL_PUNCH_HOLE | unix.FALLOC_FL_KEEP_SIZE
	if unix.Fallocate(fd, how, c.consumed, c.read-c.consumed) != nil {
		return false
	}
	c.consumed = c.read
	return true
}

// Close closes the file.
func (c *consumed) Close() error { return c.file.Close() }
