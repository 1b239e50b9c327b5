// Package layout is how distribution lays out a registry's files (registry/storage/paths.go of distribution 3.1.2, the
// same in 2.8), and where the keeper puts its own.
//
//	<data>/docker/registry/v2/blobs/sha256/<2 digits>/<digits>/data                     the bytes
//	<data>/docker/registry/v2/repositories/<name>/_layers/sha256/<digits>/link          a repository has this blob
//	<data>/docker/registry/v2/repositories/<name>/_manifests/revisions/sha256/<digits>/link   … and this manifest
//	<data>/docker/registry/v2/repositories/<name>/_manifests/tags/<tag>/current/link    what a tag stands for
//	<data>/.oras-operator/id                                                            which volume this is
//	<data>/.oras-operator/plan                                                          what retention planned last
//	<data>/.oras-operator/pulls/<pod>                                                   when artifacts were pulled last
//	<data>/.oras-operator/lock                                                          one pass at a time
//	<data>/.oras-operator/reserve                                                       room for a pass when there is no other
//	<data>/.oras-operator/trash/<pass>/{blobs,repositories}/…                           what a pass took, see Taken
package layout

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Digest is a SHA-256.
type Digest [32]byte

// ParseDigest reads 64 hexadecimal digits, in lower case as registries want them.
func ParseDigest(digits string) (Digest, bool) {
	var d Digest
	if len(digits) != 2*len(d) || strings.ToLower(digits) != digits {
		return d, false
	}
	_, err := hex.Decode(d[:], []byte(digits))
	return d, err == nil
}

// String returns the 64 digits.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// Short stands for a digest where two that share it may be taken for each other.
func (d Digest) Short() uint64 { return binary.BigEndian.Uint64(d[:8]) }

// Tree is a registry's files.
type Tree string

// Taken is what a pass took of them: the same folders, but a file has the name of its folder, .../<digits> for
// .../<digits>/data. So what is taken needs hardly any room of its own, for there may be none.
type Taken string

// Of returns the registry's own files below its root directory.
func Of(data string) Tree { return Tree(filepath.Join(data, "docker/registry/v2")) }

// Own is the folder of the keeper.
func Own(data string) string { return filepath.Join(data, ".oras-operator") }

// Path is where something of the tree is, by its name in the tree.
func (t Tree) Path(name string) string { return filepath.Join(string(t), name) }

// Blob is the name of a blob's data.
func Blob(d Digest) string {
	digits := d.String()
	return filepath.Join("blobs/sha256", digits[:2], digits, "data")
}

// Path is where something that was taken is, by its name in the tree.
func (t Taken) Path(name string) string { return filepath.Join(string(t), filepath.Dir(name)) }

// Blobs visits every blob that has a folder, by the name of its data, which need not be there.
func (t Tree) Blobs(visit func(d Digest, name string) error) error {
	return blobs(string(t), folders, visit)
}

// Blobs visits the blobs that were taken.
func (t Taken) Blobs(visit func(d Digest, name string) error) error {
	return blobs(string(t), files, visit)
}

// reader visits some of what is in a folder, by name.
type reader func(path string, visit func(name string) error) error

func blobs(root string, last reader, visit func(d Digest, name string) error) error {
	const all = "blobs/sha256"
	return folders(filepath.Join(root, all), func(first string) error {
		return last(filepath.Join(root, all, first), func(digits string) error {
			d, is := ParseDigest(digits)
			if !is {
				return nil
			}
			return visit(d, filepath.Join(all, first, digits, "data"))
		})
	})
}

// Repositories visits every repository by its name. Folders that begin with an underscore are no part of a name.
func (t Tree) Repositories(visit func(repository string) error) error {
	return repositories(string(t), "", visit)
}

// Repositories visits those that something was taken of.
func (t Taken) Repositories(visit func(repository string) error) error {
	return repositories(string(t), "", visit)
}

func repositories(root, above string, visit func(string) error) error {
	is := false
	err := folders(filepath.Join(root, "repositories", above), func(name string) error {
		if strings.HasPrefix(name, "_") {
			is = true
			return nil
		}
		return repositories(root, filepath.Join(above, name), visit)
	})
	if err == nil && is {
		err = visit(above)
	}
	return err
}

// Link says that a repository has a blob or a manifest.
type Link struct {
	Algorithm, Digits string
	// Name is that of the file, which need not be there: deleting a manifest removes the file and leaves its folder.
	Name string
}

const layers, revisions, tags = "_layers", "_manifests/revisions", "_manifests/tags"

// Layers visits the links of a repository to blobs.
func (t Tree) Layers(repository string, visit func(Link) error) error {
	return links(string(t), filepath.Join("repositories", repository, layers), folders, visit)
}

// Layers visits those that were taken.
func (t Taken) Layers(repository string, visit func(Link) error) error {
	return links(string(t), filepath.Join("repositories", repository, layers), files, visit)
}

// Revisions visits the links of a repository to manifests.
func (t Tree) Revisions(repository string, visit func(Link) error) error {
	return links(string(t), filepath.Join("repositories", repository, revisions), folders, visit)
}

func links(root, below string, last reader, visit func(Link) error) error {
	return folders(filepath.Join(root, below), func(algorithm string) error {
		return last(filepath.Join(root, below, algorithm), func(digits string) error {
			return visit(Link{Algorithm: algorithm, Digits: digits, Name: filepath.Join(below, algorithm, digits, "link")})
		})
	})
}

// Tags visits the tags of a repository, by the name of the file that says what each stands for.
func (t Tree) Tags(repository string, visit func(tag, name string) error) error {
	return folders(t.Path(filepath.Join("repositories", repository, tags)), func(tag string) error {
		return visit(tag, Tag(repository, tag))
	})
}

// Tag is the name of the file that says what a tag stands for.
func Tag(repository, tag string) string {
	return filepath.Join("repositories", repository, tags, tag, "current/link")
}

// Manifests is the name of the folder with a repository's manifests.
func Manifests(repository string) string {
	return filepath.Join("repositories", repository, revisions, "sha256")
}

// Revision is the name of the file that says that a repository has a manifest.
func Revision(repository string, d Digest) string {
	return filepath.Join(Manifests(repository), d.String(), "link")
}

// Target is the digest that a link holds.
func (t Tree) Target(name string) (Digest, bool, error) {
	text, err := os.ReadFile(t.Path(name))
	if err != nil {
		return Digest{}, false, err
	}
	d, is := ParseDigest(strings.TrimPrefix(string(text), "sha256:"))
	return d, is, nil
}

// few entries of a folder are read at a time: one may have hundreds of thousands.
const few = 256

// folders visits the folders in a folder, in no order.
func folders(path string, visit func(name string) error) error {
	return entries(path, func(entry fs.DirEntry) error {
		if !entry.IsDir() {
			return nil
		}
		return visit(entry.Name())
	})
}

// files visits what is no folder in a folder, in no order.
func files(path string, visit func(name string) error) error {
	return entries(path, func(entry fs.DirEntry) error {
		if entry.IsDir() {
			return nil
		}
		return visit(entry.Name())
	})
}

// entries visits what is in a folder. One that is not there has nothing: others delete beside us.
func entries(path string, visit func(fs.DirEntry) error) error {
	folder, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer folder.Close()
	for {
		some, err := folder.ReadDir(few)
		for _, entry := range some {
			if err := visit(entry); err != nil {
				return err
			}
		}
		if err == io.EOF || errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
