package registry

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"
)

// An empty blob is known without asking.
func TestEmptyBlob(t *testing.T) {
	f := newFake(t, nil)
	r, _ := open(t, place(t, f.host(), "a:b"), nil)
	if got, err := readBlob(r, digestOf(nil), 0); err != nil || len(got) != 0 || len(f.seen) != 0 {
		t.Error(got, err, f.seen)
	}
	if _, err := readBlob(r, digestOf([]byte("x")), 0); As(err) == nil || As(err).Kind != Invalid {
		t.Error(err)
	}
	for _, digest := range []string{"", "sha256:../../../../etc/hostname", "sha512:00", "sha256:" + strings.Repeat("A", 64)} {
		if _, err := r.OpenBlob(context.Background(), digest, 1); As(err) == nil || As(err).Kind != Invalid {
			t.Error(digest, err)
		}
	}
	if _, err := r.OpenBlob(context.Background(), digestOf(nil), -5); As(err) == nil {
		t.Error("a negative size is taken")
	}
}

// What is to be pushed changed or cannot be read: nobody is blamed for it but the file.
func TestContentFails(t *testing.T) {
	f := newFake(t, nil)
	r, seen := open(t, place(t, f.host(), "a:b"), nil)
	for want, content := range map[string]Content{
		"cannot be read: open /none: no such file": File("/none"),
		"changed: 5 bytes are now":                 File("/proc/self/exe"),
	} {
		err := r.PushBlob(context.Background(), Blob{Digest: digestOf([]byte(want)), Size: 5, Content: content})
		if e := As(err); e == nil || e.Kind != Local || !strings.Contains(e.Error(), want) || seen.all() != "" {
			t.Error(err, seen.all())
		}
	}
}

// Pauses grow and are bounded, and a registry may ask for no more than a minute.
func TestPauses(t *testing.T) {
	f := newFake(t, func(f *fake, w http.ResponseWriter, _ *http.Request, _ []byte) bool {
		if f.times("x") == 3 {
			w.Header().Set("Retry-After", "100000")
		}
		w.WriteHeader(503)
		return true
	})
	r, _ := open(t, place(t, f.host(), "a:b"), nil)
	var pauses []time.Duration
	clock := r.o.clock
	r.o.clock.sleep = func(ctx context.Context, d time.Duration) error {
		pauses = append(pauses, d)
		return clock.sleep(ctx, d)
	}
	if err := r.ProvePush(context.Background()); As(err) == nil || As(err).Kind != Unavailable {
		t.Fatal(err)
	}
	total := time.Duration(0)
	for i, pause := range pauses {
		total += pause
		switch {
		case i == 2 && pause != time.Minute, i != 2 && pause > lastPause*6/5:
			t.Error(pauses)
		case i == 0 && (pause < firstPause || pause > firstPause*6/5):
			t.Error(pauses)
		}
	}
	if total != DefaultTimeout {
		t.Error(total, pauses)
	}
}

// The words of a registry are not lost when the last try gets no answer.
func TestWordsBeforeSilence(t *testing.T) {
	refused := &Error{Kind: Unavailable, Status: 500, Code: "MADE_UP", Reason: "the registry answered 500 MADE_UP: why", Hint: "do this", passes: true}
	silent := &Error{Kind: Unavailable, Reason: "no answer within 1s", passes: true}
	for name, c := range map[string]struct {
		tries      []*Error
		progress   bool
		says, code string
	}{
		"words, then silence":             {[]*Error{refused, silent}, false, "did not succeed within 1s; last: no answer within 1s; before: the registry answered 500 MADE_UP: why", "MADE_UP"},
		"silence, then words":             {[]*Error{silent, refused}, false, "did not succeed within 1s; last: the registry answered 500 MADE_UP: why", "MADE_UP"},
		"silence":                         {[]*Error{silent, silent}, false, "did not answer within 1s; last: no answer within 1s", ""},
		"words of a trouble that is over": {[]*Error{refused, silent}, true, "did not answer within 1s; last: no answer within 1s", ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := &patience{o: Options{Timeout: time.Second, clock: virtual(), Log: func(string) {}}}
			if err := p.wait(t.Context(), c.tries[0]); err != nil {
				t.Fatal(err)
			}
			if c.progress {
				p.progress()
			}
			var err error
			for err == nil {
				err = p.wait(t.Context(), c.tries[1])
			}
			if found := As(err); found == nil || !strings.HasSuffix(found.Reason, c.says) || found.Code != c.code {
				t.Errorf("%v", err)
			}
		})
	}
}
