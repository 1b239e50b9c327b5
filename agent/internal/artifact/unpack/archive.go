package unpack

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/names"
	"github.com/converged-computing/oras-operator/agent/internal/source"
)

// Keys of extended attributes in PAX headers, as GNU tar and bsdtar write them.
const (
	attributePrefix = "SCHILY.xattr."
	userAttributes  = "user."
	sparsePrefix    = "GNU.sparse."
)

// mostRemembered bounds the directories and hard links of the inputs, which are remembered until the end, with about 300
// bytes each. An archive of a few megabytes can have as many.
const mostRemembered = 1 << 20

// hardLink is made when the files of its input are there.
type hardLink struct {
	directory *directory
	name      string
	target    string // cleaned
	order     int64
}

// archive unpacks one tar.
type archive struct {
	target *Target
	crew   *crew
	links  []hardLink
	order  int64
}

// Tar unpacks a tar archive: any of V7, ustar, PAX and GNU. It reads content to its end, so that a digest taken
// underneath is that of the whole. Errors of content stay in the chain.
func (t *Target) Tar(ctx context.Context, content io.Reader) error {
	if err := t.begin(ctx); err != nil {
		return err
	}
	a := &archive{target: t, crew: newCrew(ctx, t)}
	err := a.crew.finish(a.read(content))
	if err == nil {
		err = a.makeHardLinks(ctx)
	}
	return t.end(err)
}

// File unpacks a single file of size bytes under a title, which may name directories.
func (t *Target) File(ctx context.Context, title string, mode os.FileMode, size int64, content io.Reader) error {
	if err := t.begin(ctx); err != nil {
		return err
	}
	a := &archive{target: t, crew: newCrew(ctx, t)}
	err := a.entry(&tar.Header{Typeflag: tar.TypeReg, Name: title, Mode: int64(mode.Perm()), Size: size}, content)
	if err == nil {
		err = noMore(content)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || err == io.EOF {
		err = t.failure(err, "the file %s of the input ends before its %d bytes", title, size)
	}
	return t.end(a.crew.finish(err))
}

func (t *Target) begin(ctx context.Context) error {
	if t.failed || t.committed {
		return errors.New("unpack: the target is not in use any more")
	}
	return ended(ctx)
}

func (t *Target) end(err error) error {
	if err != nil {
		t.failed = true
	}
	return err
}

func noMore(content io.Reader) error {
	n, err := io.Copy(io.Discard, content)
	if err == nil && n > 0 {
		err = errors.New("unpack: the content is longer than its size")
	}
	return err
}

func (a *archive) read(content io.Reader) error {
	from := &source.Reader{From: content}
	reader := tar.NewReader(from)
	for {
		if err := ended(a.crew.ctx); err != nil {
			return err
		}
		header, err := reader.Next()
		if err == io.EOF {
			_, err := io.Copy(io.Discard, from)
			return err
		}
		if err == nil {
			err = a.entry(header, reader)
		}
		if err != nil {
			return a.explain(from, err)
		}
	}
}

// explain tells damage of the archive from what the source of its bytes said and from failures.
func (a *archive) explain(from *source.Reader, err error) error {
	if from.Err != nil {
		return from.Err
	}
	// Not all errors of the archive have a name.
	said, ofTar := strings.CutPrefix(err.Error(), "archive/tar: ")
	if ofTar || errors.Is(err, io.ErrUnexpectedEOF) || err == io.EOF {
		return a.target.failure(err, "the archive of the input is damaged: %s", said)
	}
	return err
}

// entry makes, or orders, what one header describes.
func (a *archive) entry(h *tar.Header, content io.Reader) error {
	t := a.target
	a.order++
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	path, err := names.Clean(h.Name, t.options.Limits.PathBytes)
	if err != nil {
		return t.failure(err, "the input's entry %s is refused: %s", names.Printable(h.Name), err)
	}
	size := h.Size
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeGNUSparse, tar.TypeCont:
	default:
		size = 0
	}
	taken := onDisk(size)
	if h.Typeflag == tar.TypeDir {
		taken = block
	}
	if err := t.count(path, taken); err != nil {
		return err
	}
	if len(t.table)+len(a.links) > t.mostRemembered {
		return t.failure(nil, "the inputs have more than %d directories and hard links, at %s, which is not unpacked", t.mostRemembered, t.shown(path))
	}
	if h.Typeflag == tar.TypeDir {
		return a.directory(path, h)
	}
	above, name := names.Split(path)
	if name == "" {
		return t.failure(nil, "the input has a file for the target %s itself", t.place)
	}
	directory, err := t.resolve(above, true)
	if err != nil {
		return err
	}
	it := item{order: a.order, name: name, mode: uint32(h.Mode) & 0o777}
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeGNUSparse, tar.TypeCont:
		it.sparse = h.Typeflag == tar.TypeGNUSparse || hasSparse(h.PAXRecords)
		if it.sparse {
			if err := t.countSparse(path, size); err != nil {
				return err
			}
		}
		it.attrs = t.attributes(path, h)
		return a.crew.file(directory, it, content, size)
	case tar.TypeSymlink:
		if !a.linkStays(directory, h.Linkname) {
			return t.failure(nil, "the input's link %s -> %s leads out of %s", t.shown(path), names.Printable(h.Linkname), t.place)
		}
		it.link = h.Linkname
		return a.crew.link(directory, it)
	case tar.TypeLink:
		target, err := names.Clean(h.Linkname, t.options.Limits.PathBytes)
		if err != nil {
			return t.failure(err, "the input's hard link %s -> %s is refused: %s", t.shown(path), names.Printable(h.Linkname), err)
		}
		a.links = append(a.links, hardLink{directory: directory, name: name, target: target, order: a.order})
		return nil
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		return t.failure(nil, "the input's entry %s is a device or a pipe, which no input may have", t.shown(path))
	}
	return t.failure(nil, "the input's entry %s is of the unknown kind %q", t.shown(path), string(h.Typeflag))
}

func (a *archive) directory(path string, h *tar.Header) error {
	t := a.target
	d, err := t.resolve(path, true)
	if err != nil || d.existing {
		return err // what is there keeps its mode
	}
	d.mode = uint32(h.Mode) & 0o1777
	if attrs := t.attributes(path, h); len(attrs) > 0 {
		fd, err := t.opener.open(d.at.anchor, d.at.path, unix.O_RDONLY)
		if err != nil {
			return t.failure(err, "%s cannot be opened: %s", t.shown(path), reason(err))
		}
		defer func() { _ = unix.Close(fd) }()
		t.setAttributes(fd, path, attrs)
	}
	return nil
}

// linkStays tells whether a link made in a directory stays inside. Behind an existing link the top is where that leads.
func (a *archive) linkStays(d *directory, target string) bool {
	if a.target.top && target != "" {
		return true
	}
	place := d.final()
	return names.Stays(names.Depth(place.path), target)
}

func (t *Target) attributes(path string, h *tar.Header) []attribute {
	var attrs []attribute
	for key, value := range h.PAXRecords {
		name, found := strings.CutPrefix(key, attributePrefix)
		switch {
		case !found:
		case strings.HasPrefix(name, userAttributes):
			attrs = append(attrs, attribute{name, value})
		default:
			t.tellOnce("foreign attributes", "only extended attributes that begin with %s are kept; the first that is not: %s of %s",
				userAttributes, names.Printable(name), t.shown(path))
		}
	}
	return attrs
}

func hasSparse(records map[string]string) bool {
	for key := range records {
		if strings.HasPrefix(key, sparsePrefix) {
			return true
		}
	}
	return false
}
