// Package pack turns an output into a stream: a file into its bytes, a directory into a tar.
//
// The same tree gives the same bytes: entries are sorted (of each directory first what is no directory, then the
// directories, by the bytes of their names), without owners, with one time. What a file is read to be when it is opened
// is what it is in the archive: one that becomes shorter or vanishes while it is read is a failure, and never filled up;
// of one that grows, the front that was there is taken, and told.
package pack

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/names"
	"github.com/converged-computing/oras-operator/agent/internal/failure"
)

// LeftOut is a mount that does not become part of an output: a Secret, a token, the operator's own share.
type LeftOut struct {
	// Path is absolute, as it is mounted.
	Path string
	// What it is, in words, for the log.
	What string
}

// Options say what to pack.
type Options struct {
	// Path of the output, as its author wrote it; relative paths start at the working directory of the process.
	Path string
	// LeaveOut lists mounts that are left out.
	LeaveOut []LeftOut
	// FilesInTar makes a tar of a single file, too, which holds it: ./name.
	FilesInTar bool
	// Workers is the number of goroutines that read, at least one. Memory is bounded by about 1 MiB for each.
	Workers int
	// Code is the exit code of the failures that are returned.
	Code int
	// Tell takes a line for the log about something that is left out or not kept. It may be nil.
	Tell func(line string)
}

// Output is what there is to pack.
type Output struct {
	options Options
	// Directory tells a directory from a file. A file in a tar is a directory with this file alone.
	Directory bool
	// Title is the name that it arrives under: the last step of its path; "." stands for the contents of a directory.
	Title string
	// Mode is the mode of a file: permissions alone. Those of what is in a directory are in the tar.
	Mode os.FileMode
	// Size is that of a file when it was looked at.
	Size int64

	real string // path without links
	name string // of a single file
}

// Describe looks at the output. A path that is not there is a failure with fs.ErrNotExist in its chain.
func Describe(options Options) (*Output, error) {
	o := &Output{options: options}
	path := options.Path
	real, err := filepath.EvalSymlinks(path)
	if err == nil {
		real, err = filepath.Abs(real)
	}
	if err != nil {
		return nil, o.missing(err)
	}
	var st unix.Stat_t
	if err := unix.Stat(real, &st); err != nil {
		return nil, o.missing(err)
	}
	o.real = real
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		if strings.HasSuffix(path, "/") {
			return nil, o.failure(nil, "the output %s is a file, not a directory", path)
		}
		o.name, o.Mode, o.Size = filepath.Base(path), os.FileMode(st.Mode&0o777), st.Size
		if o.Title = o.name; options.FilesInTar {
			o.Directory, o.Title = true, "."
		}
	case unix.S_IFDIR:
		o.Directory, o.Title = true, titleOf(path, real)
	default:
		return nil, o.failure(nil, "the output %s is neither a file nor a directory", path)
	}
	if real == "/" {
		return nil, o.failure(nil, "the output %s is the root of the filesystem; name a file or directory below it (output-path)", names.Absolute(path))
	}
	for _, l := range options.LeaveOut {
		if within(real, resolved(l.Path)) {
			return nil, o.failure(nil, "the output %s is %s, or in it, which is never pushed; name another path", path, l.What)
		}
	}
	return o, nil
}

func (o *Output) failure(cause error, format string, args ...any) error {
	return failure.Wrap(cause, o.options.Code, format, args...)
}

// titleOf is the name of a directory. The working directory and a path that ends in /. stand for their contents.
func titleOf(path, real string) string {
	trimmed := strings.TrimRight(path, "/")
	if trimmed == "." || strings.HasSuffix(trimmed, "/.") {
		return "."
	}
	if working, err := os.Getwd(); err == nil && resolved(working) == real {
		return "."
	}
	title := trimmed[strings.LastIndexByte(trimmed, '/')+1:]
	if title == ".." { // the name that it goes by is known to others
		return filepath.Base(real)
	}
	return title
}

// resolved is a path without links or, if it is not there, as it is.
func resolved(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return filepath.Clean(path)
}

func within(path, directory string) bool {
	return path == directory || strings.HasPrefix(path, strings.TrimSuffix(directory, "/")+"/")
}

// Write writes the stream. Errors of w stay in the chain; everything else is a failure that names what is wrong.
func (o *Output) Write(ctx context.Context, w io.Writer) error {
	if o.isFile() {
		return o.writeFile(ctx, w)
	}
	return o.writeTree(ctx, w)
}

func (o *Output) isFile() bool { return o.name != "" }

// Check finds what would make Write fail: files that cannot be read, links that lead out. Before the program runs it
// tells what the program will have to mend. It reads names and opens files, not their content; in a very large tree that
// takes a while, which the caller can bound with ctx.
func (o *Output) Check(ctx context.Context) error {
	if o.isFile() {
		return o.checkFile()
	}
	return o.writeTree(ctx, nil)
}

// reason is the system's own words for an error.
func reason(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return err.Error()
}
