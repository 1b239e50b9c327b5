package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/treetest"
)

// entries are those of a directory of a tree as a step may leave it, by their names.
type entries map[string]node

type node struct {
	kind    byte // f: file, l: link to something beside it, h: hard link to the first file, d: directory
	content string
	mode    fs.FileMode
	target  string
	entries entries
}

// hardNames are names that shells, tar and line protocols like to break.
var hardNames = []string{
	"a\nb", "\n", " ", "-rf", "--", "*", "'", `"`, `\`, `\n`, "$(id)", "é", "日本語", "🦩", "a\x01b", "\u0301", "e\u0301", "~", "#", "a:b", "a,b", "%s", "[a]", strings.Repeat("x", 140), ".hidden", "...",
	".wh.x", ".wh..wh..opq", "CON", "trailing.", "trailing ", "A", "a", strings.Repeat("n", 255), "caf\xe9", "\xff\xfe",
}

var nameOf = rapid.OneOf(rapid.StringMatching(`[a-z][a-z0-9._-]{0,7}`), rapid.SampledFrom(hardNames),
	rapid.Map(rapid.SliceOfN(rapid.ByteRange(1, 255), 1, 20), func(b []byte) string { return strings.ReplaceAll(string(b), "/", "_") }))

var modeOf = rapid.SampledFrom([]fs.FileMode{
	0o644, 0o600, 0o755, 0o700, 0o400, 0o444, 0o777, 0o755 | fs.ModeSetuid, 0o755 | fs.ModeSetgid, 0o777 | fs.ModeSticky, 0,
})

func treeOf(depth int) *rapid.Generator[entries] {
	return rapid.Custom(func(t *rapid.T) entries {
		made := entries{}
		for range rapid.IntRange(0, 6).Draw(t, "entries") {
			name := nameOf.Draw(t, "name")
			if name == "." || name == ".." {
				continue
			}
			n := node{kind: rapid.SampledFrom([]byte("ffflhd")).Draw(t, "kind"), mode: modeOf.Draw(t, "mode")}
			switch n.kind {
			case 'f':
				n.content = strings.Repeat(rapid.StringN(0, 40, 200).Draw(t, "content"), rapid.SampledFrom([]int{1, 1, 1, 10_000}).Draw(t, "times"))
			case 'l':
				n.target = nameOf.Draw(t, "target")
			case 'd':
				if depth < 4 {
					n.entries = treeOf(depth+1).Draw(t, "below")
				}
			}
			made[name] = n
		}
		return made
	})
}

// plant makes a tree, its modes last.
func plant(t *testing.T, folder string, tree entries) {
	t.Helper()
	must(t, os.MkdirAll(folder, 0o755))
	first := ""
	for name, n := range tree {
		path := filepath.Join(folder, name)
		switch n.kind {
		case 'f':
			must(t, os.WriteFile(path, []byte(n.content), 0o600))
			first = path
		case 'l':
			if n.target == "." || n.target == ".." {
				continue
			}
			must(t, os.Symlink(n.target, path))
		case 'd':
			plant(t, path, n.entries)
		}
	}
	for name, n := range tree {
		path := filepath.Join(folder, name)
		switch {
		case n.kind == 'h' && first != "":
			must(t, os.Link(first, path))
		case n.kind == 'f' || n.kind == 'd' && os.Getuid() == 0:
			must(t, os.Chmod(path, n.mode))
		}
	}
}

// without takes the bits away that no input may have, and modes where a stock client need not keep them.
func without(found map[string]string, modes bool) map[string]string {
	changed := map[string]string{}
	for name, what := range found {
		words := strings.SplitN(what, " ", 3)
		bits := 0
		if _, err := fmt.Sscanf(words[1], "%o", &bits); err == nil && words[0] != "link" {
			keep := 0o777
			if words[0] == "dir" {
				keep = 0o1777
			}
			if words[1] = fmt.Sprintf("%o", bits&keep); !modes {
				words[1] = ""
			}
			what = strings.Join(words, " ")
		}
		changed[name] = what
	}
	return changed
}

// Any tree arrives as it was, by us and by the stock client, and made again it is the same artifact.
func TestAnyTreeArrives(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root packs what nobody may read")
	}
	registry := newCache(t)
	for seed := range 25 {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			tree := treeOf(0).Example(seed)
			compression := []string{"auto", "none", "zstd"}[seed%3]
			var pods []*pod
			for range 2 {
				p := newPod(t, registry.artifact())
				plant(t, filepath.Join(p.work, "out"), tree)
				wants(t, p.pull(), 0, "")
				oras := p.push("--compression", compression)
				wants(t, p.program("true", "--output-path", "out"), 0, "")
				wants(t, oras, 0, `"digest"`)
				pods = append(pods, p)
			}
			was := treetest.Snapshot(t, filepath.Join(pods[0].work, "out"))
			place, _ := takes(t, "true", pods[0].output)
			treetest.Compare(t, treetest.Snapshot(t, filepath.Join(place, "out")), without(was, true))
			if compression != "zstd" && isText(was) {
				treetest.Compare(t, without(treetest.Snapshot(t, filepath.Join(stockPull(t, pods[0].output), "out")), false), without(was, false))
			}
			// Hard links of equal names are made in the order of a map.
			if first, second := digestOfTag(t, pods[0].output), digestOfTag(t, pods[1].output); first != second && !hasHardLinks(was) {
				t.Errorf("made again it is %s, not %s", second, first)
			}
		})
	}
}

func hasHardLinks(found map[string]string) bool {
	for _, what := range found {
		if strings.Contains(what, "same as") {
			return true
		}
	}
	return false
}

// isText says whether all names are UTF-8.
func isText(found map[string]string) bool {
	for name := range found {
		if !bytes.Equal([]byte(strings.ToValidUTF8(name, "")), []byte(name)) {
			return false
		}
	}
	return true
}

func TestTreesThatAreHard(t *testing.T) {
	t.Parallel()
	registry := newCache(t)
	deep := ""
	for i := range 6 {
		deep += fmt.Sprintf("/%d%s", i, strings.Repeat("deep-", 14))
	}
	links := ""
	for i, folder := range []string{"sub", `a b/"q"`, "n\nl/--", `x" -> "y`, `é\`, "\x01n/\x01", "\x01\n", "caf\xe9"} {
		links += fmt.Sprintf("d%d='%s'; mkdir -p \"out/$d%d\"; ln -s %sfile \"out/$d%d/up\"; ln -s .. \"out/$d%d/inner\n\"\n", i, folder, i, strings.Repeat("../", strings.Count(folder, "/")+1), i, i)
	}
	for name, script := range map[string]string{
		"paths of over 300 characters":         "mkdir -p 'out" + deep + "'; echo found > 'out" + deep + "/file'",
		"links that climb, under any name":     "mkdir out; echo found > out/file\n" + links,
		"empty":                                "mkdir out",
		"an empty file":                        "mkdir out; : > out/f",
		"300 files and as many links":          "mkdir -p out/l; i=0; while [ $i -lt 300 ]; do echo $i > out/f$i; ln -s ../f$i out/l/$i; ln out/f$i out/h$i; i=$((i+1)); done",
		"art-30, as a ConfigMap is mounted":    "mkdir -p out/..2026_01; echo x > out/..2026_01/settings.ini; ln -s ..2026_01 out/..data; ln -s ..data/settings.ini out/settings.ini",
		"sparse, larger than 4 GiB":            "mkdir out; truncate -s 5G out/sparse; printf end | dd of=out/sparse bs=1 seek=5000000000 conv=notrunc status=none",
		"a directory of a directory, a dozen":  "mkdir -p out/d/d/d/d/d/d/d/d/d/d/d/d",
		"names that differ in their case only": "mkdir -p out/A out/a; echo 1 > out/A/f; echo 2 > out/a/F; echo 3 > out/a/f",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPod(t, registry.artifact())
			wants(t, p.pull(), 0, "")
			oras := p.push()
			wants(t, p.program(script, "--output-path", "out"), 0, "")
			wants(t, oras, 0, `"digest"`)
			place, _ := takes(t, "true", p.output)
			if strings.Contains(name, "sparse") {
				shell(t, place, "[ $(stat -c %b out/sparse) -lt 1000 ] && [ $(stat -c %s out/sparse) = 5368709120 ] && [ $(tail -c +5000000001 out/sparse | head -c 3) = end ]")
				return
			}
			treetest.Compare(t, treetest.Snapshot(t, filepath.Join(place, "out")), treetest.Snapshot(t, filepath.Join(p.work, "out")))
			if !strings.Contains(name, "art-30") { // whose names that begin with dots the stock client takes for a way out
				stockPull(t, p.output)
			}
		})
	}
}
