// Package manifests tells what a registry's manifests are, as far as retention has to know.
package manifests

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/contract"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/layout"
	"github.com/converged-computing/oras-operator/agent/internal/keeper/usage"
)

// Manifest is one that a repository has.
type Manifest struct {
	Repository string `json:"repository"`
	Digest     string `json:"digest"`
	// Pushed is when it was last pushed, by whatever tag: the registry writes its link each time.
	Pushed time.Time `json:"pushed"`
	// Listed is when the repository had got its last new manifest, before its manifests were read.
	Listed time.Time `json:"listed"`
	Tags   []Tag     `json:"tags"`
	// Pulled is when it was last pulled, where that is known.
	Pulled *time.Time `json:"pulled,omitempty"`
	facts
}

// Tag is one of its tags.
type Tag struct {
	Name   string    `json:"name"`
	Pushed time.Time `json:"pushed"`
}

// facts are what its content says.
type facts struct {
	Keep    bool   `json:"keep,omitempty"`
	Subject string `json:"subject,omitempty"`
	// Children are the manifests that an index consists of, Inputs what its annotations name.
	Children []string `json:"children,omitempty"`
	Inputs   []string `json:"inputs,omitempty"`
	// Memo is what it says as an entry of memoization. Whether the operator has written that, the operator knows.
	Memo *Memo `json:"memo,omitempty"`
	// Blobs are the manifest itself, its config and its layers.
	Blobs []Blob `json:"blobs"`
}

// Memo is what an entry of memoization says, and the signature of that.
type Memo struct {
	Said      string `json:"said"`
	Signature string `json:"signature"`
}

// longestMemo is more than the operator writes.
const longestMemo = 4096

// Blob is one of them.
type Blob struct {
	Digest string `json:"digest"`
	Size   int64  `json:"size"`
}

// Visit visits every manifest, one at a time: there may be tens of thousands.
func Visit(data string, visit func(Manifest) error) error {
	tree := layout.Of(data)
	return tree.Repositories(func(repository string) error {
		tags := map[string][]Tag{}
		err := usage.Tags(tree, repository, func(tag usage.Tag) error {
			tags[tag.Digest] = append(tags[tag.Digest], Tag{Name: tag.Name, Pushed: tag.Pushed})
			return nil
		})
		if err != nil {
			return err
		}
		listed, err := grown(tree, repository)
		if err != nil {
			return err
		}
		return tree.Revisions(repository, func(link layout.Link) error {
			manifest, err := read(tree, repository, link)
			if err != nil || manifest == nil {
				return err
			}
			manifest.Listed = listed
			manifest.Tags = append([]Tag{}, tags[manifest.Digest]...)
			return visit(*manifest)
		})
	})
}

// read reads a manifest; nil where there is none any more.
func read(tree layout.Tree, repository string, link layout.Link) (*Manifest, error) {
	d, is, err := tree.Target(link.Name)
	if err != nil || !is {
		return nil, ignoreGone(err)
	}
	info, err := os.Lstat(tree.Path(link.Name))
	if err != nil {
		return nil, ignoreGone(err)
	}
	// What has lost its content is there for the registry, and named by nobody.
	content, err := os.ReadFile(tree.Path(layout.Blob(d)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	manifest := Of(repository, d, info.ModTime().UTC(), content, func(digest string) int64 { return sizeOf(tree, digest) })
	return &manifest, nil
}

// Of is what a manifest with this content is; sizeOf says what a blob takes. Its tags, and when its repository got its last new
// manifest, are not known from it.
func Of(repository string, d layout.Digest, pushed time.Time, content []byte, sizeOf func(digest string) int64) Manifest {
	digest := digestOf(d)
	facts := factsOf(content)
	for i := range facts.Blobs {
		facts.Blobs[i].Size = sizeOf(facts.Blobs[i].Digest)
	}
	facts.Blobs = append(facts.Blobs, Blob{Digest: digest, Size: int64(len(content))})
	return Manifest{Repository: repository, Digest: digest, Pushed: pushed, facts: facts}
}

// sizeOf is what a blob takes. The registry takes a manifest that says something else: with that, nothing could be compared
// with the size that all may take.
func sizeOf(tree layout.Tree, digest string) int64 {
	d, is := layout.ParseDigest(strings.TrimPrefix(digest, "sha256:"))
	if !is {
		return 0
	}
	info, err := os.Lstat(tree.Path(layout.Blob(d)))
	if err != nil {
		return 0
	}
	return info.Size()
}

// What manifests and indexes of OCI and of Docker have in common.
type content struct {
	Config      *descriptor       `json:"config"`
	Layers      []descriptor      `json:"layers"`
	Manifests   []descriptor      `json:"manifests"`
	Subject     *descriptor       `json:"subject"`
	Annotations map[string]string `json:"annotations"`
}

type descriptor struct {
	Digest string `json:"digest"`
}

// Each digest in a text, with or without its algorithm.
var digests = regexp.MustCompile(`\b[0-9a-f]{64}\b`)

func factsOf(text []byte) facts {
	var c content
	if err := json.Unmarshal(text, &c); err != nil {
		// Of what is not understood everything stays that it may name.
		return facts{Children: named(string(text))}
	}
	f := facts{}
	for _, blob := range append(c.Layers, some(c.Config)...) {
		f.Blobs = append(f.Blobs, Blob{Digest: blob.Digest})
	}
	for _, manifest := range c.Manifests {
		f.Children = append(f.Children, manifest.Digest)
	}
	if c.Subject != nil {
		f.Subject = c.Subject.Digest
	}
	f.Memo = memoOf(c.Annotations)
	for key, value := range c.Annotations {
		// It does not keep what it names: only one that the operator has written does.
		if key == contract.MemoAnnotation || key == contract.MemoSignatureAnnotation {
			continue
		}
		f.Keep = f.Keep || key == contract.KeepAnnotation && value != "false"
		f.Inputs = append(f.Inputs, named(value)...)
	}
	slices.Sort(f.Inputs)
	f.Inputs = slices.Compact(f.Inputs)
	return f
}

func memoOf(annotations map[string]string) *Memo {
	said, is := annotations[contract.MemoAnnotation]
	signature := annotations[contract.MemoSignatureAnnotation]
	if !is || len(said) > longestMemo || len(signature) > longestMemo {
		return nil
	}
	return &Memo{Said: said, Signature: signature}
}

func some(one *descriptor) []descriptor {
	if one == nil {
		return nil
	}
	return []descriptor{*one}
}

func named(text string) []string {
	var found []string
	for _, digits := range digests.FindAllString(text, -1) {
		found = append(found, "sha256:"+digits)
	}
	return found
}

// Planned is what is to be deleted, as it was told.
type Planned struct {
	Repository string `json:"repository"`
	Digest     string `json:"digest"`
	// Pushed may be zero: then only the tags count.
	Pushed time.Time `json:"pushed"`
	Listed time.Time `json:"listed"`
	Tags   []Tag     `json:"tags"`
	// Pulled is zero where no pull was known.
	Pulled time.Time `json:"pulled"`
	// Indexes are those that it was part of, and that have been deleted.
	Indexes []string `json:"indexes"`
}

// IsAsItWas says whether nobody has pushed a manifest, or what consists of it or is about it, or moved one of the tags, since
// they were told.
func IsAsItWas(data string, planned Planned) (bool, error) {
	tree := layout.Of(data)
	repository := planned.Repository
	d, is := layout.ParseDigest(strings.TrimPrefix(planned.Digest, "sha256:"))
	if !is || !IsName(repository) {
		return false, nil
	}
	if !planned.Pushed.IsZero() {
		info, err := os.Lstat(tree.Path(layout.Revision(repository, d)))
		if err != nil || !info.ModTime().Equal(planned.Pushed) {
			return false, ignoreGone(err)
		}
		if is, err := isNamedNow(tree, planned, digestOf(d)); err != nil || is {
			return false, err
		}
	}
	for _, tag := range planned.Tags {
		if !IsName(tag.Name) || strings.Contains(tag.Name, "/") {
			return false, nil
		}
		found, err := usage.ReadTag(tree, repository, tag.Name)
		if err != nil || found == nil || found.Digest != digestOf(d) || !found.Pushed.Equal(tag.Pushed) {
			return false, err
		}
	}
	return true, nil
}

// isNamedNow says whether an index of it is there again, or another manifest of the repository, pushed since, names it: a
// push of these leaves alone what it finds.
func isNamedNow(tree layout.Tree, planned Planned, digest string) (bool, error) {
	for _, index := range planned.Indexes {
		d, is := layout.ParseDigest(strings.TrimPrefix(index, "sha256:"))
		if !is {
			continue
		}
		if _, err := os.Lstat(tree.Path(layout.Revision(planned.Repository, d))); !errors.Is(err, fs.ErrNotExist) {
			return true, err
		}
	}
	// A repository that has no new manifest is not read again for each of its deletions.
	if last, err := grown(tree, planned.Repository); err != nil || last.Equal(planned.Listed) {
		return false, err
	}
	named := errors.New("it is named")
	err := tree.Revisions(planned.Repository, func(link layout.Link) error {
		info, err := os.Lstat(tree.Path(link.Name))
		if err != nil || info.ModTime().Before(planned.Listed.Add(-clockTick)) {
			return ignoreGone(err)
		}
		manifest, err := read(tree, planned.Repository, link)
		if err == nil && manifest != nil && manifest.Digest != digest && manifest.Names(digest) {
			err = named
		}
		return err
	})
	if errors.Is(err, named) {
		return true, nil
	}
	return false, err
}

// clockTick is more than what times of files are rounded by.
const clockTick = 2 * time.Second

// Names says whether it is about a manifest, consists of it or was made from it.
func (f facts) Names(digest string) bool {
	return f.Subject == digest || slices.Contains(f.Children, digest) || slices.Contains(f.Inputs, digest)
}

// grown is when a repository got its last new manifest: then its folder got another one. The registry leaves that of a manifest
// which it deletes.
func grown(tree layout.Tree, repository string) (time.Time, error) {
	info, err := os.Stat(tree.Path(layout.Manifests(repository)))
	if err != nil {
		return time.Time{}, ignoreGone(err)
	}
	return info.ModTime().UTC(), nil
}

// IsName keeps what is asked for within the folders of repositories.
func IsName(name string) bool {
	return name != "" && !slices.ContainsFunc(strings.Split(name, "/"), func(part string) bool {
		return part == "" || part == "." || part == ".." || strings.HasPrefix(part, "_")
	})
}

func digestOf(d layout.Digest) string { return "sha256:" + d.String() }

// ignoreGone: others delete beside us.
func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
