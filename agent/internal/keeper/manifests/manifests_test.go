package manifests

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/converged-computing/oras-operator/agent/internal/contract"
)

// What an entry names is kept by the operator, if it has written the entry, and by nothing here.
func TestAnEntryOfMemoization(t *testing.T) {
	digest := strings.Repeat("a", 64)
	said := `{"digest":"sha256:` + digest + `"}`
	of := func(annotations map[string]string) facts {
		text, err := json.Marshal(map[string]any{"annotations": annotations})
		if err != nil {
			t.Fatal(err)
		}
		return factsOf(text)
	}
	entry := of(map[string]string{contract.MemoAnnotation: said, contract.MemoSignatureAnnotation: digest})
	if entry.Memo == nil || entry.Memo.Said != said || entry.Memo.Signature != digest || len(entry.Inputs) > 0 {
		t.Errorf("got %+v", entry)
	}
	if unsigned := of(map[string]string{contract.MemoAnnotation: said}); unsigned.Memo == nil || unsigned.Memo.Signature != "" {
		t.Errorf("got %+v without a signature", unsigned)
	}
	long := of(map[string]string{contract.MemoAnnotation: strings.Repeat("a", longestMemo+1)})
	if long.Memo != nil || len(long.Inputs) > 0 {
		t.Errorf("got %+v of one that is too long", long)
	}
	if other := of(map[string]string{"org.example": said}); other.Memo != nil || len(other.Inputs) != 1 {
		t.Errorf("got %+v of another manifest", other)
	}
}
