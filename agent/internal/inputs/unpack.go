package inputs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/compress"
	"github.com/converged-computing/oras-operator/agent/internal/artifact/names"
	"github.com/converged-computing/oras-operator/agent/internal/artifact/unpack"
	"github.com/converged-computing/oras-operator/agent/internal/failure"
)

// Into says where inputs are unpacked.
type Into struct {
	// Target says where the files go, and with which limits and code.
	Target unpack.Options
	// Explain takes a line for who looks for the cause of something.
	Explain func(format string, args ...any)
}

// Unpack says what to unpack from the share, and where to.
type Unpack struct {
	Into
	// Folder is where the inputs lie.
	Folder string
	// Remove says that no other attempt needs them.
	Remove bool
}

// Run unpacks everything. Nothing stands under its final name before all is whole. What it returns is a Failure for the
// author, or the end of ctx.
func (u Unpack) Run(ctx context.Context) error {
	inputs, err := readList(u.Folder)
	if err != nil {
		return failure.Wrap(err, u.Target.Code, "the inputs on the volume of the step cannot be read: %s", err)
	}
	target, err := unpack.Open(u.Target)
	if err != nil {
		return err
	}
	defer target.Close()
	for _, input := range inputs {
		for _, layer := range input.Layers {
			if err := u.layer(ctx, target, layer); err != nil {
				return err
			}
		}
	}
	return target.Commit(ctx)
}

func (u Unpack) layer(ctx context.Context, target *unpack.Target, layer Layer) error {
	path := filepath.Join(u.Folder, layer.Blob)
	from, err := u.openBlob(path)
	if err != nil {
		return failure.Wrap(err, u.Target.Code, "an input on the volume of the step cannot be read: %s", err)
	}
	defer from.Close()
	blob := &verifying{from: from, sum: sha256.New(), want: layer.Digest}
	if err := u.unpackOne(ctx, target, layer, blob); err != nil {
		return err
	}
	if err := blob.verify(); err != nil {
		return failure.New(u.Target.Code, "an input on the volume of the step was changed after it was pulled: %s", err)
	}
	if u.Remove {
		// What is unpacked is there twice; where it cannot be removed, it stays until the Pod is gone.
		_ = os.Remove(path)
	}
	return nil
}

// openBlob opens a blob. One that nobody else needs is given back while it is read.
func (u Unpack) openBlob(path string) (io.ReadCloser, error) {
	if u.Remove {
		if file, err := os.OpenFile(path, os.O_RDWR, 0); err == nil {
			return &consumed{file: file}, nil
		}
	}
	return os.Open(path)
}

// unpackOne unpacks a layer from its blob, and closes that when it cannot be unpacked.
func (u Into) unpackOne(ctx context.Context, target *unpack.Target, layer Layer, blob io.ReadCloser) error {
	u.Explain("unpacking %s, %d bytes, as %q into %s", layer.Digest, layer.Size, layer.Title, u.Target.Path)
	err := u.unpackLayer(ctx, target, layer, blob)
	if err == nil || failure.As(err) != nil || ctx.Err() != nil {
		return err
	}
	title := layer.Title
	if title == "" {
		title = "."
	}
	if errors.Is(err, compress.ErrLimit) {
		return target.TooLarge(err, names.Printable(title))
	}
	// Compressed data that is damaged, for instance.
	return failure.Wrap(err, u.Target.Code, "the input's %s cannot be unpacked: %s", names.Printable(title), err)
}

func (u Into) unpackLayer(ctx context.Context, target *unpack.Target, layer Layer, blob io.ReadCloser) error {
	if !layer.Archive {
		return target.File(ctx, layer.Title, layer.Mode, layer.Size, blob)
	}
	content, err := compress.NewReader(ctx, blob, u.Target.Limits.Bytes, u.Target.Workers)
	if err != nil {
		return err
	}
	if err = target.Tar(ctx, content); err != nil {
		// Whoever still reads ahead does not wait for more.
		_ = blob.Close()
	}
	_ = content.Close()
	return err
}

// verifying takes the digest of what is read. The share can be written by the program of an earlier attempt.
type verifying struct {
	from io.ReadCloser
	sum  hash.Hash
	want string
}

func (v *verifying) Close() error { return v.from.Close() }

func (v *verifying) Read(into []byte) (int, error) {
	n, err := v.from.Read(into)
	v.sum.Write(into[:n])
	return n, err
}

// verify reads what is left, such as padding after a tar, and compares.
func (v *verifying) verify() error {
	if _, err := io.Copy(io.Discard, v); err != nil {
		return err
	}
	if got := "sha256:" + hex.EncodeToString(v.sum.Sum(nil)); got != v.want {
		return fmt.Errorf("its digest is %s, not %s", got, v.want)
	}
	return nil
}
