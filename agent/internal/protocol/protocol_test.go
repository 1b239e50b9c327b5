package protocol_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/converged-computing/oras-operator/agent/internal/protocol"
	"pgregory.net/rapid"
)

func TestContentArrivesAsItWasSent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pieces := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 50), 0, 8).Draw(t, "pieces")
		repeat := rapid.SampledFrom([]int{1, 10_000}).Draw(t, "repeat")
		content := protocol.Content{
			Title:     rapid.String().Draw(t, "title"),
			Directory: rapid.Bool().Draw(t, "directory"),
			Mode:      rapid.Uint32().Draw(t, "mode"),
		}
		var wire, want bytes.Buffer
		writer := protocol.NewWriter(&wire)
		sent, err := writer.Content(protocol.Output, content)
		if err != nil {
			t.Fatal(err)
		}
		for _, piece := range pieces {
			piece = bytes.Repeat(piece, repeat)
			want.Write(piece)
			if rapid.Bool().Draw(t, "from a reader") {
				if n, err := sent.ReadFrom(iotest.DataErrReader(bytes.NewReader(piece))); err != nil || n != int64(len(piece)) {
					t.Fatal(n, err)
				}
			} else if n, err := sent.Write(piece); err != nil || n != len(piece) {
				t.Fatal(n, err)
			}
		}
		if err := sent.Close(); err != nil {
			t.Fatal(err)
		}
		if err := writer.Message(protocol.Taken, nil); err != nil {
			t.Fatal(err)
		}

		// However the kernel cuts it.
		reader := protocol.NewReader(rapid.SampledFrom([]func(io.Reader) io.Reader{
			func(r io.Reader) io.Reader { return r }, iotest.HalfReader, iotest.DataErrReader,
		}).Draw(t, "cut")(&wire))
		kind, payload, err := reader.Frame()
		if err != nil || kind != protocol.Output {
			t.Fatal(kind, err)
		}
		if got, err := protocol.Decode[protocol.Content](kind, payload); err != nil || got != valid(content) {
			t.Fatalf("%+v, %v", got, err)
		}
		got, err := io.ReadAll(reader.Content())
		if err != nil || !bytes.Equal(got, want.Bytes()) {
			t.Fatalf("%d bytes of %d, %v", len(got), want.Len(), err)
		}
		if kind, _, err := reader.Frame(); kind != protocol.Taken || err != nil {
			t.Fatal(kind, err)
		}
		if _, _, err := reader.Frame(); err != io.EOF {
			t.Fatal(err)
		}
	})
}

// valid is what JSON keeps of a title: names of files that are not UTF-8 are within a tar, never a title.
func valid(content protocol.Content) protocol.Content {
	content.Title = string(bytes.ToValidUTF8([]byte(content.Title), []byte("\ufffd")))
	return content
}

func TestNothingThatBreaksOffIsWhole(t *testing.T) {
	var wire bytes.Buffer
	writer := protocol.NewWriter(&wire)
	sent, _ := writer.Content(protocol.Input, protocol.Content{Title: "x"})
	_, _ = sent.Write([]byte("one"))
	_, _ = sent.Write([]byte("two"))
	_ = sent.Close()
	whole := wire.Bytes()
	for cut := range len(whole) {
		reader := protocol.NewReader(bytes.NewReader(whole[:cut]))
		_, _, err := reader.Frame()
		if err == nil {
			_, err = io.ReadAll(reader.Content())
		}
		if cut == 0 && err != io.EOF || cut > 0 && !errors.Is(err, protocol.ErrBrokenOff) {
			t.Errorf("cut at %d of %d: %v", cut, len(whole), err)
		}
	}
}

func TestAFailureInTheMiddleOfContent(t *testing.T) {
	var wire bytes.Buffer
	writer := protocol.NewWriter(&wire)
	sent, _ := writer.Content(protocol.Input, protocol.Content{Title: "x"})
	_, _ = sent.Write(make([]byte, protocol.MaxData+1))
	_ = writer.Message(protocol.Failed, protocol.Failure{Code: 181, Message: "no such input"})
	reader := protocol.NewReader(&wire)
	_, _, _ = reader.Frame()
	got, err := io.ReadAll(reader.Content())
	var failed protocol.Failure
	// What was not sent by then is not needed any more.
	if len(got) != protocol.MaxData || !errors.As(err, &failed) || failed.Code != 181 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// Each call of the kernel costs as much as the copy of some KiB, and a tar of small files has several writes for each.
func TestSmallPiecesShareAFrame(t *testing.T) {
	var calls int
	writer := protocol.NewWriter(counting{&calls})
	sent, _ := writer.Content(protocol.Output, protocol.Content{Title: "x"})
	for range 10_000 {
		_, _ = sent.Write(make([]byte, 100))
	}
	_ = sent.Close()
	if most := 1 + 10_000*100/protocol.MaxData + 1 + 1; calls > most {
		t.Errorf("%d calls, at most %d are needed", calls, most)
	}
}

type counting struct{ calls *int }

func (c counting) Write(p []byte) (int, error) {
	*c.calls++
	return len(p), nil
}

func TestLongFramesAreRefusedBeforeTheyAreRead(t *testing.T) {
	long := make([]byte, protocol.MaxData+1)
	writer := protocol.NewWriter(io.Discard)
	for kind, limit := range map[protocol.Type]int{protocol.Data: protocol.MaxData, protocol.Hello: protocol.MaxMessage} {
		if err := writer.Frame(kind, long[:limit]); err != nil {
			t.Error(kind, err)
		}
		if err := writer.Frame(kind, long[:limit+1]); !errors.Is(err, protocol.ErrTooLong) {
			t.Error(kind, err)
		}
	}
	header := []byte{byte(protocol.Data), 0xff, 0xff, 0xff, 0xff}
	if _, _, err := protocol.NewReader(bytes.NewReader(header)).Frame(); !errors.Is(err, protocol.ErrTooLong) {
		t.Error(err)
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{byte(protocol.End), 0, 0, 0, 0})
	f.Add([]byte{byte(protocol.Data), 0, 0, 0, 2, 'a', 'b', byte(protocol.End), 0, 0, 0, 0})
	f.Add([]byte{byte(protocol.Failed), 0, 0, 0, 2, '{', '}'})
	f.Add([]byte{byte(protocol.Data), 0, 4, 0, 1})
	f.Fuzz(func(t *testing.T, wire []byte) {
		read, err := io.ReadAll(protocol.NewReader(bytes.NewReader(wire)).Content())
		if len(read) > len(wire) {
			t.Errorf("%d bytes from %d", len(read), len(wire))
		}
		if err == nil && !bytes.Contains(wire, []byte{byte(protocol.End), 0, 0, 0, 0}) {
			t.Error("whole without an end")
		}
	})
}

func TestFramesOfSeveralGoroutinesAreWhole(t *testing.T) {
	read, write := io.Pipe()
	writer := protocol.NewWriter(write)
	var senders sync.WaitGroup
	const each = 200
	for kind := protocol.Started; kind <= protocol.Ended; kind++ {
		senders.Go(func() {
			for range each {
				if err := writer.Frame(kind, bytes.Repeat([]byte{byte(kind)}, 100)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	go func() {
		senders.Wait()
		_ = write.Close()
	}()
	count := map[protocol.Type]int{}
	for reader := protocol.NewReader(read); ; {
		kind, payload, err := reader.Frame()
		if err == io.EOF {
			break
		}
		if err != nil || !bytes.Equal(payload, bytes.Repeat([]byte{byte(kind)}, 100)) {
			t.Fatal(kind, payload, err)
		}
		count[kind]++
	}
	if count[protocol.Started] != each || count[protocol.Ended] != each {
		t.Errorf("%v", count)
	}
}

// A sentence may name many files: whatever its length and its characters, it is sent.
func TestSentencesAreCut(t *testing.T) {
	for _, character := range []string{"x", "<", "é", "\x00", "\xff", "🦩"} {
		for _, count := range []int{0, 10, 1000, 64 << 10, 1 << 20} {
			text := strings.Repeat(character, count)
			var wire bytes.Buffer
			writer, reader := protocol.NewWriter(&wire), protocol.NewReader(&wire)
			for kind, payload := range map[protocol.Type]any{
				protocol.Failed: protocol.Failure{Message: text}, protocol.Nothing: protocol.Reason{Message: text},
			} {
				if err := writer.Message(kind, payload); err != nil {
					t.Fatalf("%d of %q: %v", count, character, err)
				}
				got, content, err := reader.Frame()
				if err != nil || got != kind {
					t.Fatal(got, err)
				}
				// Both have a message.
				said, err := protocol.Decode[protocol.Reason](kind, content)
				want := strings.ToValidUTF8(strings.Repeat(character, min(count, 1000)), "")
				if err != nil || !strings.HasPrefix(said.Message, want) && character != "\xff" || !utf8.ValidString(said.Message) {
					t.Errorf("%d of %q became %d bytes, %v", count, character, len(said.Message), err)
				}
			}
		}
	}
}
