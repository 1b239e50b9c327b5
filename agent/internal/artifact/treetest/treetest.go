// Package treetest describes trees of files for tests.
package treetest

import (
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/converged-computing/oras-operator/agent/internal/testprogram"
)

// HardTree is a script that makes a tree with what archive formats differ in.
const HardTree = `
mkdir -p tree/a/b/empty tree/ro
cd tree
printf x >a/file; printf '#!/bin/sh' >a/tool; chmod 755 a/tool; : >a/empty-file
ln -s ../a/file a/b/up; ln -s nowhere dangling; ln a/file hard
long=$(printf 'n%.0s' $(seq 200)); mkdir -p "$long/$long"; printf l >"$long/$long/$long"; ln -s "$long" a/long-link
latin=$(printf 'caf\351%.0s' $(seq 40)); printf ll >"$latin"; ln -s "$latin" latin-link; mkdir "d-$latin"; printf d >"d-$latin/$latin"
printf nl >"$(printf 'new\nline')"; printf u >"$(printf 'caf\351')"; printf v >'ünïcode'; printf b >'back\slash'; printf w >.wh.file; printf d >'trailing.'; printf s >' blank '
head -c 3000000 /dev/zero | tr '\0' y >a/large
truncate -s 20M a/sparse; printf middle | dd of=a/sparse bs=1 seek=10000000 conv=notrunc status=none; printf end | dd of=a/sparse bs=1 seek=20971517 conv=notrunc status=none
truncate -s 5M a/hole
chmod 640 'ünïcode'; chmod 555 ro
cd ..
`

// Snapshot describes a tree, a line for each path: kind, mode, content or link.
func Snapshot(t testing.TB, root string) map[string]string {
	t.Helper()
	found := map[string]string{}
	inodes := map[uint64]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		switch {
		case d.IsDir():
			found[name] = fmt.Sprintf("dir %o", st.Mode&0o7777)
		case d.Type() == fs.ModeSymlink:
			to, _ := os.Readlink(path)
			found[name] = "link " + to
		case d.Type().IsRegular():
			f, err := os.Open(path)
			if err != nil {
				return err
			}
			defer f.Close()
			sum := sha256.New()
			if _, err := io.Copy(sum, f); err != nil {
				return err
			}
			found[name] = fmt.Sprintf("file %o %d %x", st.Mode&0o7777, st.Size, sum.Sum(nil)[:8])
			if st.Nlink > 1 {
				if first := inodes[st.Ino]; first != "" {
					found[name] += " same as " + first
				} else {
					inodes[st.Ino] = name
				}
			}
		default:
			found[name] = d.Type().String()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// Compare tells how two snapshots differ.
func Compare(t testing.TB, got, want map[string]string) {
	t.Helper()
	for name, w := range want {
		if g, ok := got[name]; !ok {
			t.Errorf("%q is missing", name)
		} else if g != w {
			t.Errorf("%q: %s, want %s", name, g, w)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%q should not be there: %s", name, got[name])
		}
	}
}

// Read returns a file.
func Read(t testing.TB, path ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Must ends a test that cannot go on.
func Must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Shell runs a script in a directory, with a program that it needs.
func Shell(t testing.TB, in, needs, script string) string {
	t.Helper()
	testprogram.Require(t, needs)
	c := exec.CommandContext(t.Context(), "bash", "-euc", script)
	c.Dir = in
	var problem strings.Builder
	c.Stderr = &problem
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, problem.String())
	}
	return string(out)
}

// Blocks is what a file takes, in units of 512 bytes.
func Blocks(t testing.TB, path string) int64 {
	t.Helper()
	var st unix.Stat_t
	Must(t, unix.Stat(path, &st))
	return st.Blocks
}
