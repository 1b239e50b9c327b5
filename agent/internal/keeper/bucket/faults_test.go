package bucket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/converged-computing/oras-operator/agent/internal/keeper/manifests"
	"github.com/converged-computing/oras-operator/agent/internal/testprogram"
)

// fault is what comes in place of an answer of S3.
type fault struct {
	// answer is nil where the answer of S3 is to be cut.
	answer func(w http.ResponseWriter, r *http.Request)
	// words are what is said of it where it does not pass.
	words []string
	// isFinal: asking again makes no sense.
	isFinal bool
}

func says(status int, code string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>m</Message></Error>`, code)
	}
}

func shows(status int) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "<html><body><h1>welcome</h1></body></html>")
	}
}

var faults = map[string]fault{
	"403":            {answer: says(403, "AccessDenied"), words: []string{"403 AccessDenied", "the access key needs s3:"}, isFinal: true},
	"403 keys":       {answer: says(403, "SignatureDoesNotMatch"), words: []string{"SignatureDoesNotMatch", "correct accessKey and secretKey"}, isFinal: true},
	"301":            {answer: says(301, "PermanentRedirect"), words: []string{"PermanentRedirect", "storage.s3.region (us-east-1)"}, isFinal: true},
	"404 bucket":     {answer: says(404, "NoSuchBucket"), words: []string{"NoSuchBucket", "make bucket artifacts"}, isFinal: true},
	"400 slow":       {answer: says(400, "RequestTimeout"), words: []string{"400 RequestTimeout", "tried 8 times"}},
	"500":            {answer: says(500, "InternalError"), words: []string{"500 InternalError", "tried 8 times"}},
	"503":            {answer: says(503, "SlowDown"), words: []string{"503 SlowDown", "tried 8 times"}},
	"502 of a proxy": {answer: shows(502), words: []string{"502", "tried 8 times"}},
	"404 of a proxy": {answer: shows(404), words: []string{"is not S3"}},
	"cut":            {words: []string{"does not answer", "EOF", "tried 8 times"}},
	"closed":         {answer: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, words: []string{"does not answer", "tried 8 times"}},
}

// asks are what S3 is asked for.
var asks = map[string]func(r *http.Request) bool{
	"list":   func(r *http.Request) bool { return r.URL.Query().Has("list-type") },
	"read":   func(r *http.Request) bool { return r.Method == http.MethodGet && !r.URL.Query().Has("list-type") },
	"write":  func(r *http.Request) bool { return r.Method == http.MethodPut && r.Header.Get(copySource) == "" },
	"copy":   func(r *http.Request) bool { return r.Header.Get(copySource) != "" },
	"delete": func(r *http.Request) bool { return r.Method == http.MethodPost },
}

// faulty is a proxy before S3: hit chooses which requests the fault answers.
type faulty struct {
	endpoint string
	fault    atomic.Pointer[fault]
	hit      func(r *http.Request) bool
}

func startFaulty(t *testing.T, s3 string) *faulty {
	t.Helper()
	target, err := url.Parse(s3)
	must(t, err)
	f := &faulty{}
	type cut struct{}
	proxy := &httputil.ReverseProxy{
		FlushInterval: -1,
		ErrorLog:      log.New(io.Discard, "", 0),
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // It is signed.
		},
		ModifyResponse: func(answer *http.Response) error {
			if answer.Request.Context().Value(cut{}) == nil || answer.ContentLength == 0 {
				return nil
			}
			whole, err := io.ReadAll(answer.Body)
			answer.Header.Set("Content-Length", fmt.Sprint(len(whole)))
			answer.Body = io.NopCloser(io.MultiReader(bytes.NewReader(whole[:len(whole)/2]), broken{}))
			return err
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		chosen := f.fault.Load()
		switch {
		case chosen == nil || !f.hit(r):
			proxy.ServeHTTP(w, r)
		case chosen.answer == nil:
			proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), cut{}, true)))
		default:
			_, _ = io.Copy(io.Discard, r.Body)
			chosen.answer(w, r)
		}
	}))
	t.Cleanup(server.Close)
	f.endpoint = server.URL
	return f
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// quick waits for what tests have to wait for.
var quick = &waits{answer: time.Minute, copied: time.Minute, pause: time.Millisecond, last: 2 * time.Millisecond, all: time.Minute}

// s3 is a real server, and where its objects are files.
type s3 struct{ host, objects string }

func startS3Files(t *testing.T) s3 {
	host, objects := testprogram.StartS3(t)
	return s3{host, objects}
}

// startFilled fills a folder, and asks for it through a proxy. check says what is lost.
func (s s3) startFilled(t *testing.T, folder string) (f files, p *faulty, check func()) {
	t.Helper()
	p = startFaulty(t, "http://"+s.host)
	client := &Client{Endpoint: p.endpoint, Bucket: testprogram.S3Bucket, Region: "us-east-1", Folder: folder, AccessKey: testprogram.S3AccessKey, SecretKey: testprogram.S3SecretKey, waits: quick}
	f = files{t, Folder{client, Owner{"this", folder}}, filepath.Join(s.objects, folder)}
	f.mark(f.Owner)
	kept := map[string]bool{}
	for i := range 3 {
		named := f.blob("a/b", fmt.Sprint("named ", i))
		manifest := f.manifest("a/b", fmt.Sprint("v", i), "{"+named.String()+"}")
		f.blob("a/b", fmt.Sprint("loose ", i))
		kept[blobKey(named)], kept[blobKey(manifest)] = true, true
		kept[link{repository: "a/b", digest: named}.layerKey()] = true
		kept[link{repository: "a/b", digest: manifest}.revisionKey()] = true
	}
	return f, p, func() {
		t.Helper()
		f.expect(kept)
	}
}

func saysAll(t *testing.T, err error, words []string) {
	t.Helper()
	if err == nil {
		t.Error("it says nothing")
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q is not in: %s", word, err)
		}
	}
}

// failAfter has the fault hit the requests of a kind, all but the first few; it returns how many it has hit.
func (p *faulty) failAfter(spared int, is func(*http.Request) bool, with *fault) *atomic.Int64 {
	var seen, hits atomic.Int64
	p.hit = func(r *http.Request) bool {
		if !is(r) || seen.Add(1) <= int64(spared) {
			return false
		}
		hits.Add(1)
		return true
	}
	p.fault.Store(with)
	return &hits
}

// A pass beside each fault, for each thing that S3 is asked for: nothing that is named goes, what is wrong is said, and the next
// pass does what this one could not.
func TestASweepBesideFaultsLosesNothing(t *testing.T) {
	server := startS3Files(t)
	number := 0
	for name, fault := range faults {
		for ask, is := range asks {
			for after := range 2 {
				number++
				folder := fmt.Sprint("folders/", number)
				t.Run(fmt.Sprint(name, "/", ask, "/", after), func(t *testing.T) {
					f, p, check := server.startFilled(t, folder)
					hits := p.failAfter(after, is, &fault)
					_, err := f.pass(nil)
					p.fault.Store(nil)
					check()
					switch {
					case hits.Load() == 0 && after > 0:
						t.Skip("there are not so many requests")
					case name == "cut" && ask == "write":
						// Its answer has nothing that could be cut.
					case name != "404 of a proxy" || ask != "write":
						saysAll(t, err, fault.words)
					}
					_, err = f.pass(nil)
					must(t, err)
					check()
				})
			}
		}
	}
}

// What passes is not worth a word, whatever it came for.
func TestWhatPassesIsAskedForAgain(t *testing.T) {
	server := startS3Files(t)
	number := 0
	for name, fault := range faults {
		if fault.isFinal {
			continue
		}
		number++
		folder := fmt.Sprint("folders/", number)
		t.Run(name, func(t *testing.T) {
			f, p, check := server.startFilled(t, folder)
			var seen atomic.Int64
			// Every third request, so that each kind has its turn.
			p.hit = func(*http.Request) bool { return seen.Add(1)%3 == 0 }
			p.fault.Store(&fault)
			pass, err := f.pass(nil)
			must(t, err)
			check()
			if pass.out.Swept != 3 {
				t.Errorf("%+v", pass.out)
			}
			_, err = f.Empty(t.Context())
			must(t, err)
			p.fault.Store(nil)
			if left := f.keys(); len(left) > 0 {
				t.Errorf("left are %v", left)
			}
		})
	}
}

// An emptying beside each fault says what is wrong, and goes on from wherever it stopped, the mark included.
func TestAnEmptyingBesideFaultsGoesOn(t *testing.T) {
	server := startS3Files(t)
	number := 0
	for name, fault := range faults {
		for ask, is := range asks {
			for after := range 3 {
				if ask == "write" || ask == "copy" || after > 1 && ask != "delete" {
					continue
				}
				number++
				folder := fmt.Sprint("folders/", number)
				t.Run(fmt.Sprint(name, "/", ask, "/", after), func(t *testing.T) {
					f, p, _ := server.startFilled(t, folder)
					hits := p.failAfter(after, is, &fault)
					_, err := f.Empty(t.Context())
					p.fault.Store(nil)
					if hits.Load() == 0 {
						t.Skip("there are not so many requests")
					}
					saysAll(t, err, fault.words)
					_, err = f.Empty(t.Context())
					must(t, err)
					if left := f.keys(); len(left) > 0 {
						t.Errorf("left are %v", left)
					}
				})
			}
		}
	}
}

// An answer with 200 that is not the one asked for is no success: what was not copied must not be deleted, and what was not listed is
// there nevertheless.
func TestWhatIsNotTheAnswerIsNoSuccess(t *testing.T) {
	copied, part := largestCopy, largestPart
	t.Cleanup(func() { largestCopy, largestPart = copied, part })
	server := startS3Files(t)
	number := 0
	wrong := map[string]fault{
		"a page":             {answer: shows(200), words: []string{"is not S3"}},
		"nothing":            {answer: func(http.ResponseWriter, *http.Request) {}, words: []string{"is not S3"}},
		"an error, with 200": {answer: says(200, "InternalError"), words: []string{"200 InternalError", "tried 8 times"}},
	}
	for name, fault := range wrong {
		for _, ask := range []string{"list", "read", "copy", "delete"} {
			for after := range 2 {
				number++
				folder := fmt.Sprint("folders/", number)
				t.Run(fmt.Sprint(name, "/", ask, "/", after), func(t *testing.T) {
					f, p, check := server.startFilled(t, folder)
					var seen atomic.Int64
					p.hit = func(r *http.Request) bool { return asks[ask](r) && seen.Add(1) > int64(after) }
					p.fault.Store(&fault)
					_, err := f.pass(nil)
					p.fault.Store(nil)
					check()
					if ask == "read" {
						saysAll(t, err, []string{"not that of its digest"})
					} else {
						saysAll(t, err, fault.words)
					}
					_, err = f.pass(nil)
					must(t, err)
					check()
				})
			}
		}
		t.Run(name+"/the end of a copy of parts", func(t *testing.T) {
			largestCopy, largestPart = 6<<20, 5<<20
			number++
			f, p, _ := server.startFilled(t, fmt.Sprint("folders/", number))
			content := strings.Repeat("0123456789abcdef", 12<<16)
			f.put("large", content)
			p.hit = func(r *http.Request) bool { return r.Method == http.MethodPost && r.URL.Query().Has("uploadId") }
			p.fault.Store(&fault)
			_, err := f.Move(t.Context(), Object{Key: "large", Size: int64(len(content))}, "moved")
			p.fault.Store(nil)
			saysAll(t, err, fault.words)
			f.expect(map[string]bool{"large": true})
		})
	}
}

// A tag that cannot be read is not one that is gone: else its artifact would be one without a tag, which retention may delete.
func TestATagThatCannotBeReadIsSaid(t *testing.T) {
	digest := "sha256:" + strings.Repeat("ab", 32)
	for name, content := range map[string]string{
		"what a proxy says":         "<html>welcome</html>",
		"nothing":                   "",
		"an answer that was cut":    digest[:40],
		"digits in capital letters": strings.ToUpper(digest[7:]),
		"a digest of capitals":      "sha256:" + strings.Repeat("AB", 32),
		"a digest and a line's end": digest + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			f := files{t, startS3(t), ""}
			f.manifest("a", "v1", "{}")
			f.put(tag{repository: "a", name: "v2"}.key(), content)
			_, err := tagsOfAll(t, f.Client)
			saysAll(t, err, []string{"_manifests/tags/v2/current/link", "holds no digest"})
		})
	}
}

func tagsOfAll(t *testing.T, c *Client) (int, error) {
	seen, err := lookAt(t.Context(), c, registryKeys)
	must(t, err)
	tags, err := tagsOf(t.Context(), c, seen)
	return len(tags), err
}

// S3 deletes some of what one request names, and refuses the rest.
func TestWhatIsDeletedInPartIsAskedForAgain(t *testing.T) {
	for code, words := range map[string][]string{"SlowDown": nil, "AccessDenied": {"AccessDenied", "s3:DeleteObject"}} {
		t.Run(code, func(t *testing.T) {
			f, p, _ := startS3Files(t).startFilled(t, "ns/oras")
			before := len(f.keys())
			var refused atomic.Int64
			p.hit = func(r *http.Request) bool { return asks["delete"](r) && refused.Add(1) <= 2 }
			p.fault.Store(&fault{answer: func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprintf(w, `<DeleteResult><Error><Key>ns/oras/%s</Key><Code>%s</Code><Message>later</Message></Error></DeleteResult>`, markKey, code)
			}})
			_, err := f.Empty(t.Context())
			if words == nil {
				must(t, err)
			} else {
				saysAll(t, err, words)
			}
			if after := len(f.keys()); after == before && words == nil {
				t.Error("nothing was deleted")
			}
		})
	}
}

// S3 says that it did not delete something, and not what that was, or something that it was not asked for: all of it may be there.
func TestWhatIsNotDeletedIsSaidWithoutItsKey(t *testing.T) {
	server := startS3Files(t)
	for i, key := range []string{"", "ns/another"} {
		t.Run(key, func(t *testing.T) {
			f, p, _ := server.startFilled(t, fmt.Sprint("folders/", i))
			var refused atomic.Int64
			p.hit = func(r *http.Request) bool { return asks["delete"](r) && refused.Add(1) == 1 }
			p.fault.Store(&fault{answer: func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprintf(w, `<DeleteResult><Error><Key>%s</Key><Code>SlowDown</Code></Error></DeleteResult>`, key)
			}})
			if _, err := f.Empty(t.Context()); err == nil && len(f.keys()) > 0 {
				t.Errorf("it is said to be empty, and has %v", f.keys())
			}
		})
	}
}

// What was unlinked is linked again in the same pass, though that fails: who pushed meanwhile does not wait for the next one.
func TestAPassThatFailsPutsBackWhatIsNeededMeanwhile(t *testing.T) {
	f, p, check := startS3Files(t).startFilled(t, "ns/oras")
	loose := digestOf([]byte("loose 0"))
	p.hit = func(r *http.Request) bool {
		return asks["copy"](r) && strings.Contains(r.Header.Get(copySource), "/blobs/") && !strings.Contains(r.Header.Get(copySource), "trash")
	}
	p.fault.Store(&fault{answer: says(403, "AccessDenied")})
	var pushed sync.Once
	_, err := f.pass(func(change string) {
		if strings.HasPrefix(change, "discard "+blobKeys) {
			pushed.Do(func() { f.manifest("a/b", "new", "{"+loose.String()+"}") })
		}
	})
	saysAll(t, err, []string{"s3:GetObject and s3:PutObject"})
	check()
	f.expect(map[string]bool{blobKey(loose): true, link{repository: "a/b", digest: loose}.layerKey(): true})
}

// S3 hangs before its answer, or in the midst of it.
func TestAServerThatSaysNoMoreIsGivenUp(t *testing.T) {
	for name, begins := range map[string]bool{"before": false, "in the midst": true} {
		t.Run(name, func(t *testing.T) {
			silent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if begins {
					_, _ = io.WriteString(w, "<ListBucketResult>")
					_ = http.NewResponseController(w).Flush()
				}
				<-r.Context().Done()
			}))
			t.Cleanup(silent.Close)
			client := &Client{Endpoint: silent.URL, Bucket: "artifacts", Region: "us-east-1", Folder: "a", waits: &waits{answer: 20 * time.Millisecond, pause: time.Millisecond, last: time.Millisecond}}
			err := client.List(t.Context(), "", func(Object) error { return nil })
			saysAll(t, err, []string{"S3 does not answer a listing of a/", "it says nothing for 20ms", silent.URL})
			if !errors.Is(err, errSilent) {
				t.Error(err)
			}
		})
	}
}

// More objects than a page of a listing has, and than one deletion: all are seen, swept and deleted, though S3 falters.
func TestTenThousandObjects(t *testing.T) {
	server := startS3Files(t)
	f, p, check := server.startFilled(t, "ns/oras")
	const count = 10_000
	for i := range count / 2 {
		content := fmt.Sprint("loose ", i)
		d := digestOf([]byte(content))
		f.put(blobKey(d), content)
		f.put(link{repository: fmt.Sprint("many/", i%100), digest: d}.layerKey(), "sha256:"+d.String())
	}
	seen, err := lookAt(t.Context(), f.Client, registryKeys)
	must(t, err)
	if len(seen.blobs) < count/2 || len(seen.layers) < count/2 {
		t.Fatalf("%d blobs and %d links are seen", len(seen.blobs), len(seen.layers))
	}
	check()
	var requests atomic.Int64
	p.hit = func(*http.Request) bool { return requests.Add(1)%5 == 0 }
	busy := faults["503"]
	p.fault.Store(&busy)
	deleted, err := f.Empty(t.Context())
	must(t, err)
	p.fault.Store(nil)
	if left := f.keys(); len(left) > 0 || deleted < count {
		t.Errorf("%d are deleted, %d left", deleted, len(left))
	}
}

// What is not dated would be older than anything that retention keeps.
func TestAListingWithoutDatesIsNone(t *testing.T) {
	f, p, _ := startS3Files(t).startFilled(t, "ns/oras")
	p.hit = asks["list"]
	p.fault.Store(&fault{answer: func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "<ListBucketResult><Contents><Key>ns/oras/docker/a</Key><Size>1</Size></Contents></ListBucketResult>")
	}})
	saysAll(t, Visit(t.Context(), f.Client, func(manifests.Manifest) error { return nil }), []string{"ns/oras/docker/a", "LastModified"})
}

// Who is told of a failure is told again when its words change, so they have no port of this end, and no address of one of many servers.
func TestWhyS3DoesNotAnswerIsTheSameEachTime(t *testing.T) {
	resets := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		connection, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = connection.(*net.TCPConn).SetLinger(0)
			_ = connection.Close()
		}
	}))
	t.Cleanup(resets.Close)
	gone := httptest.NewServer(nil)
	gone.Close()
	for name, one := range map[string]struct{ endpoint, words string }{
		"that breaks connections":  {resets.URL, "read: connection reset by peer"},
		"that refuses connections": {gone.URL, "dial: connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			client := &Client{Endpoint: one.endpoint, Bucket: "artifacts", Region: "us-east-1", Folder: "a", waits: &waits{answer: time.Minute, pause: time.Millisecond, last: time.Millisecond, all: time.Minute}}
			var said [2]string
			for i := range said {
				err := client.List(t.Context(), "", func(Object) error { return nil })
				saysAll(t, err, []string{one.words, one.endpoint})
				said[i] = fmt.Sprint(err)
			}
			if said[0] != said[1] {
				t.Errorf("it says %s, then %s", said[0], said[1])
			}
		})
	}
}

func TestWhyANameIsNotFound(t *testing.T) {
	for want, dns := range map[string]net.DNSError{
		"the name s3.example is not known":                        {Err: "no such host", Name: "s3.example", Server: "10.96.0.10:53", IsNotFound: true},
		"the name s3.example could not be looked up: i/o timeout": {Err: "read udp 10.0.0.5:40001->10.96.0.10:53: i/o timeout", Name: "s3.example", Server: "10.96.0.10:53", IsTimeout: true},
		"the name s3.example could not be looked up":              {Err: "server misbehaving", Name: "s3.example", Server: "10.96.0.10:53"},
	} {
		if got := because(&url.Error{Op: "Get", URL: "https://s3.example/a", Err: &net.OpError{Op: "dial", Net: "tcp", Err: &dns}}).Error(); got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}
