package pack

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestNamesOfMoreThanABlockAreSorted(t *testing.T) {
	var l listing
	var want []string
	for i := range 3 * blockBytes / 100 {
		// The product goes through all remainders in another order.
		name := fmt.Sprintf("%d%s", i*7919%10007, strings.Repeat("x", i%200))
		l.add([]byte(name), uint8(i))
		want = append(want, name)
	}
	l.sort()
	slices.Sort(want)
	var got []string
	for _, e := range l.entries {
		got = append(got, l.name(e))
	}
	if len(l.names) < 3 || !slices.Equal(got, want) {
		t.Errorf("%d blocks, %d names of %d", len(l.names), len(got), len(want))
	}
}
