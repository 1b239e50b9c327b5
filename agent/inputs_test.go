package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestInputsOfStockClients(t *testing.T) {
	t.Parallel()
	registry := newCache(t)
	push := func(t *testing.T, script string, arguments ...string) string {
		folder, reference := t.TempDir(), registry.artifact()
		shell(t, folder, script)
		mustStock(t, folder, append([]string{"push", "--plain-http", plain(reference)}, arguments...)...)
		return reference
	}
	t.Run("files and directories", func(t *testing.T) {
		t.Parallel()
		reference := push(t, "mkdir -p dir/empty; echo inner > dir/inner; echo file > file; ln -s inner dir/link", "dir", "file")
		if _, said := takes(t, "cat dir/inner file dir/link; ls -d dir/empty", reference); said != "inner\nfile\ninner\ndir/empty\n" {
			t.Errorf("%q", said)
		}
	})
	t.Run("that stay packed", func(t *testing.T) {
		t.Parallel()
		reference := push(t, "mkdir dir; echo inner > dir/inner; echo file > file", "dir", "file")
		p := newPod(t, "")
		p.pullOptions = []string{"--unpack=false"}
		wants(t, p.pull(reference), 0, "")
		step := p.program("tar tzf dir.tar.gz | grep -c inner; cat file; ls -d dir", "--input-path", p.work)
		code, _ := step.end()
		if step.stdout.String() != "1\nfile\n" || code == 0 {
			t.Errorf("%q, %s", step.stdout.String(), step.stderr.String())
		}
	})
	t.Run("art-18, the same content under several names", func(t *testing.T) {
		t.Parallel()
		reference := push(t, "mkdir d; for f in a b c d/e; do echo same > $f; done; : > empty; : > d/empty", "a", "b", "c", "d/e", "empty", "d/empty")
		if _, said := takes(t, "cat a b c d/e; ls empty d/empty", reference); said != "same\nsame\nsame\nsame\nd/empty\nempty\n" {
			t.Errorf("%q", said)
		}
	})
	t.Run("art-21, archives that are files", func(t *testing.T) {
		t.Parallel()
		reference := push(t, "mkdir d; echo x > d/x; tar czf d.tar.gz d; cp d.tar.gz e.tar.gz; cp d.tar.gz f.tar.gz", "d.tar.gz",
			"e.tar.gz:application/vnd.oci.image.layer.v1.tar+gzip", "f.tar.gz:application/x")
		if _, said := takes(t, "ls", reference); said != "d.tar.gz\ne.tar.gz\nf.tar.gz\n" {
			t.Errorf("%q", said)
		}
	})
	t.Run("art-43, of many layers", func(t *testing.T) {
		t.Parallel()
		names := []string{}
		for i := range 300 {
			names = append(names, fmt.Sprintf("f%d", i))
		}
		reference := push(t, "i=0; while [ $i -lt 300 ]; do echo $i > f$i; i=$((i+1)); done", names...)
		if _, said := takes(t, "cat f0 f150 f299; ls | wc -l", reference); said != "0\n150\n299\n300\n" {
			t.Errorf("%q", said)
		}
	})
	t.Run("art-40, by tag and digest", func(t *testing.T) {
		t.Parallel()
		reference := push(t, "echo one > f", "f")
		pinned := reference + "@" + digestOfTag(t, reference)
		folder := t.TempDir()
		shell(t, folder, "echo two > f")
		mustStock(t, folder, "push", "--plain-http", plain(reference), "f")
		if _, said := takes(t, "cat f", pinned); said != "one\n" {
			t.Errorf("%q", said)
		}
	})
}

func TestInputsAreUnpackedInTheirOrder(t *testing.T) {
	t.Parallel()
	registry := newCache(t)
	var inputs []string
	for i := range 12 {
		input := registry.artifact()
		makes(t, input, fmt.Sprintf("mkdir d; echo %d > d/same; echo x > d/f%d", i, i), "--output-path", "d")
		inputs = append(inputs, input)
	}
	if _, said := takes(t, "cat d/same; ls d | wc -l", inputs...); said != "11\n13\n" {
		t.Errorf("%q", said)
	}
}

// The program's user is another than that of the container oras, and than the owner of the place.
func TestInputsForAnotherUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs to become other users")
	}
	t.Parallel()
	input := "http://" + startRegistry(t) + "/other/user:1"
	makes(t, input, "echo 1 > a; mkdir d; ln a d/b; mkdir -m 555 ro; umask 077; echo s > ro/secret; chmod 700 .", "--output-path", ".")
	for _, umask := range []string{"022", "077"} {
		p := newPod(t, "")
		root := t.TempDir()
		// Every user reaches what is below.
		for folder := root; folder != os.TempDir(); folder = filepath.Dir(folder) {
			must(t, os.Chmod(folder, 0o755))
		}
		p.share, p.work = filepath.Join(root, "share"), filepath.Join(root, "work")
		must(t, os.Mkdir(p.share, 0o755))
		must(t, os.Mkdir(p.work, 0o777))
		must(t, os.Chmod(p.share, 0o777))
		must(t, os.Chmod(p.work, 0o777))
		pull := p.prepared("pull", "--share", p.share, "--timeout", "60", "--input", input)
		if p.inputs = []string{input}; p.streams {
			pull = p.preparedServe()
		}
		pull.Args = append([]string{"sh", "-c", `umask ` + umask + `; exec "$@"`, "sh", pull.Path}, pull.Args[1:]...)
		pull.Path = "/bin/sh"
		pull.launch()
		// The agent of the share, as in the Pod.
		if p.streams {
			until(t, "oras", isThere(filepath.Join(p.share, "0/socket")))
		} else {
			wants(t, pull, 0, "")
		}
		step := p.wrapped(0, []string{"sh", "-c", "ls -A . d; cat ro/secret; stat -c %u a"}, "--input-path", p.work)
		step.Path = filepath.Join(p.share, "0/agent")
		step.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		step.launch()
		wants(t, step, 0, "")
		if got := step.stdout.String(); got != ".:\na\nd\nro\n\nd:\nb\ns\n65534\n" {
			t.Errorf("%q", got)
		}
		if left, _ := filepath.Glob(filepath.Join(p.share, "0/inputs/0-*")); len(left) > 0 {
			t.Errorf("%v are there twice", left)
		}
		letBeRemoved(root)
	}
}

// art-02: a step that is started again on the same volume unpacks its inputs again, over what is there.
func TestInputsAreUnpackedAgain(t *testing.T) {
	t.Parallel()
	input := "http://" + startRegistry(t) + "/again/x:1"
	makes(t, input, "mkdir -p d/ro; echo 1 > d/ro/f; chmod 444 d/ro/f; chmod 555 d/ro", "--output-path", "d")
	p := newPod(t, "")
	t.Cleanup(func() { letBeRemoved(p.work) })
	p.policy = onFailure
	wants(t, p.pull(input), 0, "")
	for _, code := range []int{1, 2, 0} {
		wants(t, p.program("cat d/ro/f && exit "+strconv.Itoa(code), "--input-path", p.work, "--keep-inputs"), code, "")
	}
}

// I8, art-04: files are dated now.
func TestInputsAreDatedNow(t *testing.T) {
	t.Parallel()
	input := "http://" + startRegistry(t) + "/dated/x:1"
	makes(t, input, "mkdir d; echo x > d/f; touch -d 2001-01-01 d/f; ln -s f d/l", "--output-path", "d")
	place, _ := takes(t, "[ d/f -nt /proc/1 ] || [ $(($(date +%s) - $(stat -c %Y d/f))) -lt 600 ]", input)
	if _, err := exec.LookPath("zip"); err == nil {
		shell(t, place, "zip -qr x.zip d")
	}
}

func TestInputsThatAreNotThereNameWhatIs(t *testing.T) {
	t.Parallel()
	host := startRegistry(t)
	makes(t, "http://"+host+"/runs/first:v1", "echo x > x", "--output-path", "x")
	for name, c := range map[string]struct {
		reference string
		code      int
		says      string
	}{
		"another tag":        {"/runs/first:v2", 181, "is v1 meant?"},
		"another repository": {"/runs/frist:v1", 181, "no repository runs/frist"},
		"a digest":           {"/runs/first@sha256:" + strings.Repeat("0", 64), 181, "no artifact of this digest"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPod(t, "")
			p.cannotBring(c.code, c.says, "http://"+host+c.reference)
			if !p.streams {
				wants(t, p.program("echo ran", "--input-path", p.work), 186, "")
			}
		})
	}
}
