package program_test

import (
	"bytes"
	"sync"
	"testing"

	"github.com/converged-computing/oras-operator/agent/internal/program"
	"pgregory.net/rapid"
)

func TestATailIsTheEndOfAllWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(1, 50).Draw(t, "most")
		tail := program.NewTail(most)
		var all []byte
		for _, piece := range rapid.SliceOf(rapid.SliceOfN(rapid.Byte(), 0, 120)).Draw(t, "pieces") {
			if n, err := tail.Write(piece); n != len(piece) || err != nil {
				t.Fatal(n, err)
			}
			all = append(all, piece...)
			if got := tail.Bytes(); !bytes.Equal(got, all[max(len(all)-most, 0):]) {
				t.Fatalf("%q is not the end of %q", got, all)
			}
		}
	})
}

func TestATailOfTwoStreams(t *testing.T) {
	tail := program.NewTail(1000)
	var writers sync.WaitGroup
	for _, line := range []string{"out\n", "err\n"} {
		writers.Go(func() {
			for range 500 {
				_, _ = tail.Write([]byte(line))
			}
		})
	}
	writers.Wait()
	if text := tail.Bytes(); len(text) != 1000 || bytes.Contains(text, []byte("oe")) {
		t.Errorf("%q", text)
	}
}
