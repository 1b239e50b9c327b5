package compress_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/converged-computing/oras-operator/agent/internal/artifact/compress"
	"github.com/converged-computing/oras-operator/agent/internal/testprogram"
)

const unlimited = 1 << 40

func digest(b []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(b)) }

func noise(seed uint64, n int) []byte {
	b := make([]byte, n)
	source := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	_, _ = source.Read(b)
	return b
}

func text(n int) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "line %d of a log that says much the same as the line before it\n", i)
	}
	return b.Bytes()[:n]
}

// digits have no repetitions worth a search, but Huffman codes make them smaller.
func digits(n int) []byte {
	b := noise(9, n)
	for i := range b {
		b[i] = '0' + b[i]%10
	}
	return b
}

// mixed has members that are Huffman coded beside others, so that deflaters are used again for both.
func mixed(n int) []byte {
	var b []byte
	for i := 0; len(b) < n; i++ {
		b = append(b, noise(uint64(i), 700<<10)...)
		b = append(b, text(900<<10)...)
		b = append(b, make([]byte, 300<<10)...)
		b = append(b, digits(600<<10)...)
	}
	return b[:n]
}

func pack(t testing.TB, content []byte, method compress.Method, workers int) ([]byte, compress.Result) {
	t.Helper()
	var blob bytes.Buffer
	w, err := compress.NewWriter(t.Context(), &blob, method, workers)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return blob.Bytes(), w.Result()
}

func unpack(t testing.TB, blob []byte, limit int64, workers int) ([]byte, error) {
	t.Helper()
	r, err := compress.NewReader(t.Context(), bytes.NewReader(blob), limit, workers)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(r)
	if closeErr := r.Close(); err == nil {
		err = closeErr
	}
	return content, err
}

func TestRoundTrip(t *testing.T) {
	contents := map[string][]byte{
		"nothing": nil, "one byte": {7}, "text": text(3 << 20), "noise": noise(1, 3<<20), "digits": digits(2 << 20), "mixed": mixed(5 << 20),
		"one member": text(512 << 10), "one member and a byte": text(512<<10 + 1), "zeros": make([]byte, 2<<20),
	}
	for name, content := range contents {
		for _, method := range []compress.Method{compress.Gzip, compress.Store, compress.Zstd} {
			t.Run(fmt.Sprint(name, method), func(t *testing.T) {
				blob, result := pack(t, content, method, 3)
				want := compress.Result{
					Content: compress.Sum{Digest: digest(content), Size: int64(len(content))},
					Blob:    compress.Sum{Digest: digest(blob), Size: int64(len(blob))},
				}
				if result != want {
					t.Errorf("result %v, want %v", result, want)
				}
				for _, workers := range []int{1, 4} {
					got, err := unpack(t, blob, int64(len(content)), workers)
					if err != nil || !bytes.Equal(got, content) {
						t.Errorf("%d workers: %d bytes, %v", workers, len(got), err)
					}
				}
			})
		}
	}
}

func TestPlainPassesThrough(t *testing.T) {
	blob, result := pack(t, []byte("as it is"), compress.Plain, 1)
	if string(blob) != "as it is" || result.Blob != result.Content || result.Blob.Digest != digest(blob) {
		t.Errorf("%q, %v", blob, result)
	}
	content := noise(4, 1<<20)
	var copied bytes.Buffer
	w, err := compress.NewWriter(t.Context(), &copied, compress.Plain, 1)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(w, iotest.HalfReader(bytes.NewReader(content))); err != nil || n != 1<<20 {
		t.Errorf("%d, %v", n, err)
	}
	if err := w.Close(); err != nil || !bytes.Equal(copied.Bytes(), content) || w.Result().Blob.Digest != digest(content) {
		t.Errorf("%v, %v", w.Result(), err)
	}
	w, err = compress.NewWriter(t.Context(), &failing{300 << 10}, compress.Plain, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(w, bytes.NewReader(content)); !errors.Is(err, errSink) {
		t.Errorf("%v", err)
	}
}

func TestSameBytesOnAnyNumberOfCores(t *testing.T) {
	content := mixed(9 << 20)
	for _, method := range []compress.Method{compress.Gzip, compress.Store, compress.Zstd} {
		want, _ := pack(t, content, method, 1)
		for _, workers := range []int{2, 3, 8} {
			if got, _ := pack(t, content, method, workers); !bytes.Equal(got, want) {
				t.Errorf("method %d, %d workers: other bytes", method, workers)
			}
		}
	}
}

// However the content is cut, the blob is the same.
func TestWritesAndReadFromMakeTheSame(t *testing.T) {
	content := mixed(2 << 20)
	want, _ := pack(t, content, compress.Gzip, 2)
	rapid.Check(t, func(t *rapid.T) {
		var blob bytes.Buffer
		w, err := compress.NewWriter(context.Background(), &blob, compress.Gzip, 2)
		if err != nil {
			t.Fatal(err)
		}
		left := content
		for len(left) > 0 {
			n := min(rapid.IntRange(1, 1<<20).Draw(t, "n"), len(left))
			if rapid.Bool().Draw(t, "from") {
				_, err = w.(io.ReaderFrom).ReadFrom(iotest.DataErrReader(bytes.NewReader(left[:n])))
			} else {
				_, err = w.Write(left[:n])
			}
			if err != nil {
				t.Fatal(err)
			}
			left = left[n:]
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(blob.Bytes(), want) {
			t.Fatal("other bytes")
		}
	})
}

// What can be made smaller is, and noise does not grow by more than headers.
func TestSizes(t *testing.T) {
	random, _ := pack(t, noise(3, 8<<20), compress.Gzip, 2)
	if most := 8<<20 + 16*600; len(random) > most {
		t.Errorf("noise: %d bytes, at most %d", len(random), most)
	}
	coded, _ := pack(t, digits(8<<20), compress.Gzip, 2)
	if len(coded) > 8<<20/2 {
		t.Errorf("digits: %d bytes", len(coded))
	}
	repeated, _ := pack(t, text(8<<20), compress.Gzip, 2)
	if len(repeated) > 8<<20/4 {
		t.Errorf("text: %d bytes", len(repeated))
	}
}

func TestOtherProgramsReadIt(t *testing.T) {
	content := mixed(3 << 20)
	for _, method := range []compress.Method{compress.Gzip, compress.Store, compress.Zstd} {
		blob, _ := pack(t, content, method, 2)
		programs := [][]string{{"gzip", "-dc"}, {"python3", "-c", "import gzip,sys; sys.stdout.buffer.write(gzip.decompress(sys.stdin.buffer.read()))"}, {"pigz", "-dc"}}
		if method == compress.Zstd {
			programs = [][]string{{"zstd", "-dc"}}
		}
		for _, program := range programs {
			if got := filter(t, blob, program...); !bytes.Equal(got, content) {
				t.Errorf("method %d, %v: other content", method, program)
			}
		}
	}
}

// filter runs a program.
func filter(t *testing.T, input []byte, program ...string) []byte {
	t.Helper()
	testprogram.Require(t, program[0])
	command := exec.CommandContext(t.Context(), program[0], program[1:]...)
	command.Stdin = bytes.NewReader(input)
	var problem strings.Builder
	command.Stderr = &problem
	out, err := command.Output()
	if err != nil || problem.Len() > 0 {
		t.Fatalf("%v: %v: %s", program, err, problem.String())
	}
	return out
}

func TestWhatOtherProgramsWriteIsRead(t *testing.T) {
	content := mixed(3 << 20)
	for _, program := range [][]string{
		{"gzip", "-c"}, {"gzip", "-9", "-c"}, {"pigz", "-c"}, {"pigz", "-i", "-c"}, {"bgzip", "-c"},
		{"zstd", "-c"}, {"zstd", "-19", "-c"}, {"zstd", "--long=27", "-c"}, {"zstd", "-T2", "-B1MiB", "-c"},
	} {
		t.Run(strings.Join(program, " "), func(t *testing.T) {
			got, err := unpack(t, filter(t, content, program...), unlimited, 2)
			if err != nil || !bytes.Equal(got, content) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		})
	}
}

func TestConcatenationsAreRead(t *testing.T) {
	a, _ := pack(t, text(1<<20), compress.Gzip, 2)
	var other bytes.Buffer
	w := gzip.NewWriter(&other)
	w.Name, w.Comment, w.Extra = "a name", "a comment", []byte{'B', 'C', 2, 0, 1, 1}
	_, _ = w.Write([]byte("other"))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for name, blob := range map[string][]byte{
		"ours, other": append(bytes.Clone(a), other.Bytes()...),
		"other, ours": append(bytes.Clone(other.Bytes()), a...),
		"ours, ours":  append(bytes.Clone(a), a...),
	} {
		want := filter(t, blob, "gzip", "-dc")
		got, err := unpack(t, blob, unlimited, 2)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
}

func TestDamageIsFound(t *testing.T) {
	blob, _ := pack(t, text(2<<20), compress.Gzip, 2)
	foreign := filter(t, text(2<<20), "gzip", "-c")
	framed, _ := pack(t, text(2<<20), compress.Zstd, 1)
	flip := func(b []byte, at int) []byte { c := bytes.Clone(b); c[at] ^= 0x40; return c }
	for name, bad := range map[string][]byte{
		"cut in a header":    blob[:10],
		"cut in a member":    blob[:len(blob)-100],
		"cut in a trailer":   blob[:len(blob)-3],
		"content changed":    flip(blob, 500),
		"checksum changed":   flip(blob, len(blob)-7),
		"size changed":       flip(blob, len(blob)-3),
		"length changed":     flip(blob, 16),
		"garbage behind":     append(bytes.Clone(blob), "garbage"...),
		"foreign, cut":       foreign[:len(foreign)-100],
		"foreign, only head": foreign[:5],
		"foreign, changed":   flip(foreign, 5000),
		"zstd, cut":          framed[:len(framed)-100],
		"zstd, changed":      flip(framed, 500),
	} {
		if _, err := unpack(t, bad, unlimited, 2); !errors.Is(err, compress.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, bad := range map[string][]byte{"nothing": nil, "a byte": {0x1f}, "plain tar": make([]byte, 1024)} {
		if _, err := unpack(t, bad, unlimited, 2); !errors.Is(err, compress.ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBombsAreBounded(t *testing.T) {
	zeros := make([]byte, 64<<20)
	for _, method := range []compress.Method{compress.Gzip, compress.Zstd} {
		blob, _ := pack(t, zeros, method, 2)
		content, err := unpack(t, blob, 1<<20, 2)
		if !errors.Is(err, compress.ErrLimit) || len(content) != 1<<20 {
			t.Errorf("method %d: %d bytes, %v", method, len(content), err)
		}
	}
	content, err := unpack(t, filter(t, zeros, "gzip", "-c"), 1<<20, 2)
	if !errors.Is(err, compress.ErrLimit) || len(content) != 1<<20 {
		t.Errorf("foreign: %d bytes, %v", len(content), err)
	}
}

func TestErrorsOfTheSourceStay(t *testing.T) {
	fault := errors.New("the network went away")
	blob, _ := pack(t, noise(2, 3<<20), compress.Gzip, 2)
	foreign := filter(t, noise(2, 3<<20), "gzip", "-c")
	framed, _ := pack(t, noise(2, 3<<20), compress.Zstd, 2)
	for name, b := range map[string][]byte{"ours": blob, "foreign": foreign, "zstd": framed} {
		r, err := compress.NewReader(t.Context(), io.MultiReader(bytes.NewReader(b[:1<<20]), iotest.ErrReader(fault)), unlimited, 2)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, r); !errors.Is(err, fault) || errors.Is(err, compress.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
		_ = r.Close()
	}
}

type failing struct{ after int }

var errSink = errors.New("no space")

func (f *failing) Write(p []byte) (int, error) {
	if f.after -= len(p); f.after < 0 {
		return 0, errSink
	}
	return len(p), nil
}

func TestErrorsOfTheSinkEndTheWriter(t *testing.T) {
	for _, method := range []compress.Method{compress.Gzip, compress.Zstd, compress.Plain} {
		w, err := compress.NewWriter(t.Context(), &failing{1 << 20}, method, 2)
		if err != nil {
			t.Fatal(err)
		}
		var writeErr error
		for range 64 {
			if _, writeErr = w.Write(noise(5, 1<<20)); writeErr != nil {
				break
			}
		}
		closeErr := w.Close()
		if !errors.Is(writeErr, errSink) && !errors.Is(closeErr, errSink) {
			t.Errorf("method %d: %v, %v", method, writeErr, closeErr)
		}
	}
}

func TestCancellation(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	w, err := compress.NewWriter(ctx, io.Discard, compress.Gzip, 2)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = w.Write(text(2 << 20))
	blob, _ := pack(t, text(16<<20), compress.Gzip, 2)
	r, err := compress.NewReader(ctx, bytes.NewReader(blob), unlimited, 2)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := w.Write(text(2 << 20)); !errors.Is(err, context.Canceled) {
		t.Errorf("write: %v", err)
	}
	if err := w.Close(); !errors.Is(err, context.Canceled) {
		t.Errorf("close: %v", err)
	}
	if _, err := io.Copy(io.Discard, r); !errors.Is(err, context.Canceled) {
		t.Errorf("read: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Errorf("close of the reader: %v", err)
	}
}

// Whatever the bytes, the reader ends, within its limit, and agrees with gzip where both read them.
func FuzzReader(f *testing.F) {
	small, _ := pack(f, text(2000), compress.Gzip, 1)
	stored, _ := pack(f, []byte("stored"), compress.Store, 1)
	framed, _ := pack(f, text(2000), compress.Zstd, 1)
	for _, seed := range [][]byte{small, stored, framed, append(bytes.Clone(small), stored...), small[:30], nil} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, blob []byte) {
		const limit = 1 << 20
		got, err := unpack(t, blob, limit, 2)
		if len(got) > limit {
			t.Fatalf("%d bytes", len(got))
		}
		if err != nil || len(blob) < 2 || blob[0] != 0x1f {
			return
		}
		r, err := gzip.NewReader(bytes.NewReader(blob))
		if err != nil {
			t.Fatal(err)
		}
		want, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("gzip reads %d bytes, %v; here %d", len(want), err, len(got))
		}
	})
}

func BenchmarkWriter(b *testing.B) {
	for name, content := range map[string][]byte{"text": text(64 << 20), "noise": noise(1, 64<<20)} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(content)))
			for b.Loop() {
				pack(b, content, compress.Gzip, 2)
			}
		})
	}
}

func BenchmarkReader(b *testing.B) {
	for name, content := range map[string][]byte{"text": text(64 << 20), "noise": noise(1, 64<<20)} {
		blob, _ := pack(b, content, compress.Gzip, 2)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(content)))
			for b.Loop() {
				r, err := compress.NewReader(b.Context(), bytes.NewReader(blob), unlimited, 2)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, r); err != nil {
					b.Fatal(err)
				}
				_ = r.Close()
			}
		})
	}
}
