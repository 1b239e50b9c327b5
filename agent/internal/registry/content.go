package registry

import (
	"bytes"
	"io"
	"io/fs"
	"os"
)

// Content can be read from its beginning as often as an upload needs it.
type Content interface {
	Open() (io.ReadCloser, error)
}

type opener func() (io.ReadCloser, error)

func (o opener) Open() (io.ReadCloser, error) { return o() }

// File is the content of a file, which the kernel copies to the socket where there is no TLS.
func File(path string) Content {
	return opener(func() (io.ReadCloser, error) { return os.Open(path) })
}

// Opened is content that a function opens.
func Opened(open func() (io.ReadCloser, error)) Content { return opener(open) }

// Bytes is content in memory.
func Bytes(b []byte) Content {
	return opener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil })
}

// openSized opens content and checks, where it is a file, that it still has its size: else the request would break off
// as if the network had.
func openSized(content Content, size int64) (io.ReadCloser, error) {
	body, err := content.Open()
	if As(err) != nil {
		return nil, err
	}
	if err != nil {
		return nil, local(err, "what is to be pushed cannot be read: %s", Clean(err.Error(), 200))
	}
	if file, ok := body.(interface{ Stat() (fs.FileInfo, error) }); ok {
		info, err := file.Stat()
		if err == nil && info.Size() != size {
			_ = body.Close()
			return nil, local(nil, "what is to be pushed changed: %d bytes are now %d", size, info.Size())
		}
	}
	return body, nil
}
