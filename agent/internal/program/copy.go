package program

import (
	"errors"
	"io"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// lingering is how long a child that the program left behind, with its standard output open, holds up the copy.
const lingering = time.Second

// ErrLogNotRead says that a copy could not be finished, because nobody reads the container's log.
var ErrLogNotRead = errors.New("the container's standard output is not read")

// Copy takes a program's standard output, passes it on to the log and writes it to a file.
type Copy struct {
	read, write *os.File
	done        chan error
}

// StartCopy makes the pipe that becomes the program's standard output. What arrives goes to file and to log. A log that
// cannot be written is given up, and the file is still written; a file that cannot be written is told by Finish.
func StartCopy(log, file io.Writer) (*Copy, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	c := &Copy{read: read, write: write, done: make(chan error, 1)}
	go func() { c.done <- c.run(&tee{log: log, file: file}) }()
	return c, nil
}

// Stdout is the end that the program writes to.
func (c *Copy) Stdout() *os.File { return c.write }

// Finish is called when the program has ended. It returns when everything is copied that the program wrote, a second
// later at most, and says why the file is not whole, if it is not.
func (c *Copy) Finish() error {
	defer c.read.Close()
	_ = c.write.Close()
	_ = c.read.SetReadDeadline(time.Now().Add(lingering))
	select {
	case err := <-c.done:
		return err
	case <-time.After(2 * lingering):
		return ErrLogNotRead
	}
}

func (c *Copy) run(to *tee) error {
	_, err := io.Copy(to, c.read)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = c.drain(to)
	}
	return errors.Join(err, to.fileErr)
}

// drain copies what is in the pipe already, however fast somebody fills it.
func (c *Copy) drain(to *tee) error {
	_ = c.read.SetReadDeadline(time.Time{})
	connection, err := c.read.SyscallConn()
	if err != nil {
		return err
	}
	var left []byte
	failed := connection.Read(func(fd uintptr) bool {
		size, err := unix.FcntlInt(fd, unix.F_GETPIPE_SZ, 0)
		if err != nil {
			size = 64 << 10
		}
		left = make([]byte, size)
		n, err := syscall.Read(int(fd), left)
		left = left[:max(n, 0)]
		return err == nil || err == syscall.EAGAIN || err != syscall.EINTR
	})
	if failed != nil {
		return failed
	}
	_, err = to.Write(left)
	return err
}

// tee writes to both as long as they take it. It never fails: the program would get SIGPIPE for a fault of its log.
type tee struct {
	log, file       io.Writer
	logErr, fileErr error
}

func (t *tee) Write(data []byte) (int, error) {
	if t.fileErr == nil {
		_, t.fileErr = t.file.Write(data)
	}
	if t.logErr == nil {
		_, t.logErr = t.log.Write(data)
	}
	return len(data), nil
}
